use super::*;

fn layout() -> Endpoints {
    Endpoints {
        prefix: "services/".into(),
    }
}

fn entry(key: &str, value: &str) -> Entry {
    let it = KeyValue {
        key: key.into(),
        value: value.into(),
        mod_revision: 9,
    };
    layout().entry(&it, None)
}

#[test]
fn the_id_is_the_last_segment_and_a_service_may_have_several() {
    let service = layout().service(b"services/shop/orders/a1").unwrap();
    assert_eq!(service.as_str(), "shop/orders");
    let Entry::Backend(backend) = entry("services/shop/orders/a1", r#"{"Addr":"h:1"}"#) else {
        panic!("a backend");
    };
    assert_eq!(backend.id.as_str(), "a1");
    assert_eq!(&*backend.key, "services/shop/orders/a1");
    assert_eq!(backend.revision, 9);
    assert_eq!(
        name_of("services/", b"services/shop/orders/a1"),
        Some(("shop/orders".parse().unwrap(), "a1".parse().unwrap()))
    );
}

#[test]
fn a_key_without_a_service_is_nobodys() {
    for (key, reason) in [
        (&b"services/a1"[..], "not services/SERVICE/ID"),
        (b"services//a1", "service name is empty"),
        (b"services/a b/1", "white space"),
        (b"services/a//b/1", "slash"),
        (b"services/\xff/1", "not UTF-8"),
        (b"other/a/1", "does not start with"),
    ] {
        let error = layout().service(key).unwrap_err();
        assert!(error.contains(reason), "{key:?}: {error}");
    }
}

#[test]
fn a_bad_id_or_value_is_a_problem_of_its_service_and_harms_no_neighbour() {
    let entries = [
        entry("services/s/", r#"{"Addr":"h:1"}"#),
        entry("services/s/a", r#"{"Addr":"h:1"}"#),
        entry("services/s/b", "junk"),
        entry("services/s/c", r#"{"Addr":"h:2"}"#),
    ];
    let service = layout().assemble(entries.iter());
    let ids: Vec<_> = service.backends.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["a", "c"]);
    let keys: Vec<_> = service.problems.iter().map(|it| &*it.key).collect();
    assert_eq!(keys, ["services/s/", "services/s/b"]);
    assert_eq!(service.problems[1].revision, 9);
}
