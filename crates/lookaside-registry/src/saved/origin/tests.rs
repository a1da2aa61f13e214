use super::*;

#[test]
fn a_registry_stays_the_same_while_one_of_its_members_does() {
    let is_same = |one: &str, other: &str| Origin::new(one).is_same(&Origin::new(other));
    assert!(is_same("etcd://a:1,b:1", "etcd://b:1,c:1"));
    assert!(is_same("etcd://a:1,b:1", "etcd://b:1,a:1"));
    assert!(!is_same("etcd://a:1", "etcd://b:1"));
    assert!(!is_same("etcd://a:1", "consul://a:1"));
    assert!(!is_same("file:/a.toml", "file:/b.toml"));
    assert!(!is_same("memory:", "file:/memory"));
    assert!(is_same("memory:", "memory:"));
}

#[test]
fn what_is_read_of_it_has_to_be_the_same() {
    let one = Origin::new("etcd://a:1").with("prefix", "services/");
    assert!(one.is_same(&one.clone()));
    let other = Origin::new("etcd://a:1").with("prefix", "other/");
    assert!(!one.is_same(&other));
    assert!(!one.is_same(&Origin::new("etcd://a:1")));
    assert_eq!(one.to_string(), "etcd://a:1 (prefix services/)");
}
