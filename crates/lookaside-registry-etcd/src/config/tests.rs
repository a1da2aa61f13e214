use super::*;

fn config() -> EtcdConfig {
    EtcdConfig::from_url("etcd://127.0.0.1:2379").unwrap()
}

fn refused(config: &EtcdConfig) -> String {
    config.check().unwrap_err().to_string()
}

#[test]
fn a_url_names_the_members() {
    let config = EtcdConfig::from_url("etcd://10.0.0.1:2379,[::1]:2379,etcd-3:2379").unwrap();
    assert_eq!(config.url(), "etcd://10.0.0.1:2379,[::1]:2379,etcd-3:2379");
    assert!(config.check().is_ok());
    for bad in ["", "etcd://", "http://h:1", "h:1"] {
        let error = EtcdConfig::from_url(bad).unwrap_err().to_string();
        assert!(error.contains("etcd://HOST:PORT"), "{error}");
    }
    let error = EtcdConfig::from_url("etcd://h:1,h")
        .unwrap_err()
        .to_string();
    assert!(error.contains("\"h\" is not HOST:PORT"), "{error}");
    let unreachable = EtcdConfig::from_url("etcd://h:0").unwrap();
    assert!(refused(&unreachable).contains("cannot be dialled"));
}

#[test]
fn prefixes_end_with_a_slash_and_lie_apart() {
    for bad in ["", "services", &format!("{}/", "x".repeat(255))] {
        let config = EtcdConfig {
            prefix: bad.into(),
            ..config()
        };
        assert!(refused(&config).starts_with("prefix "), "{bad:?}");
    }
    let within = EtcdConfig {
        prefix: "lookaside/".into(),
        ..config()
    };
    assert!(refused(&within).contains("prefix \"lookaside/\" contains config_prefix"));
    let same = EtcdConfig {
        config_prefix: "services/".into(),
        ..config()
    };
    assert!(refused(&same).contains("must be apart"));
}

#[test]
fn half_of_a_pair_is_named() {
    let user = EtcdConfig {
        user: Some("u".into()),
        ..config()
    };
    assert_eq!(refused(&user), "user needs password to be set too");
    let cert = EtcdConfig {
        cert: Some("c".into()),
        ..config()
    };
    assert_eq!(refused(&cert), "cert needs key to be set too");
    let no_ca = EtcdConfig {
        key: Some("k".into()),
        ..cert
    };
    assert_eq!(refused(&no_ca), "cert needs ca to be set too");
}

#[test]
fn a_password_is_not_shown() {
    let config = EtcdConfig {
        user: Some("u".into()),
        password: Some("secret".into()),
        ..config()
    };
    assert!(!format!("{config:?}").contains("secret"));
}
