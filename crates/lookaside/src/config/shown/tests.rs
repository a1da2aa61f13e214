use std::{collections::BTreeSet, ffi::OsString, path::Path};

use crate::config::{Overrides, env::names, load_text};

fn shown(
    file: &str,
    variables: &[(&str, &str)],
    flags: Overrides,
) -> Vec<lookaside_server::ConfigurationKey> {
    let file = Some((Path::new("/etc/lookaside.toml"), file));
    let variables = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let loaded = load_text(file, variables, flags).unwrap();
    loaded.config.shown(&loaded.sources)
}

#[test]
fn every_key_is_shown_once() {
    let all = shown("", &[], Overrides::default());
    let names_shown: BTreeSet<_> = all.iter().map(|key| key.name.clone()).collect();
    assert_eq!(names_shown.len(), all.len());
    let mut expected: BTreeSet<_> = names().collect();
    // Rules have no variable.
    expected.insert("access.rules".to_owned());
    assert_eq!(names_shown, expected);
    assert!(all.iter().all(|key| key.source == "default"));
}

#[test]
fn a_value_is_shown_with_whoever_said_it_last() {
    let file = "admin = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:1\"\n\
                [lists]\nmax_slots = 7\nquiet = \"50ms\"\n[registration]\nenabled = true\n";
    let variables = [
        ("LOOKASIDE_LISTEN", "127.0.0.1:2"),
        ("LOOKASIDE_LISTS_MAX_SLOTS", "8"),
        ("LOOKASIDE_TOKENS_KEYS", "file:/a,file:/b"),
    ];
    let flags = Overrides {
        listen: Some("127.0.0.1:3".parse().unwrap()),
        ..Overrides::default()
    };
    let all = shown(file, &variables, flags);
    let of = |name: &str| {
        let key = all.iter().find(|key| key.name == name).unwrap();
        (&*key.value, key.source, &*key.origin)
    };
    assert_eq!(of("listen"), ("127.0.0.1:3", "flag", "--listen"));
    assert_eq!(of("admin"), ("127.0.0.1:1", "file", "/etc/lookaside.toml"));
    assert_eq!(
        of("lists.max_slots"),
        ("8", "environment", "LOOKASIDE_LISTS_MAX_SLOTS")
    );
    assert_eq!(of("lists.quiet"), ("50ms", "file", "/etc/lookaside.toml"));
    assert_eq!(of("registration.enabled").0, "on");
    assert_eq!(of("tokens.keys").0, "file:/a,file:/b");
    assert_eq!(of("lists.on_empty"), ("fallback", "default", ""));
    assert_eq!(of("registry"), ("memory:", "default", ""));
    assert_eq!(of("connections.idle").0, "30m");
}

#[test]
fn a_secret_is_never_shown() {
    let file = "[etcd]\nuser = \"lookaside\"\npassword = \"hunter2\"\n";
    let all = shown(file, &[], Overrides::default());
    let password = all.iter().find(|key| key.name == "etcd.password").unwrap();
    assert_eq!(
        (&*password.value, password.source),
        ("(set, not shown)", "file")
    );
    assert!(!format!("{all:?}").contains("hunter2"));
    assert_eq!(super::key_source("c2VjcmV0"), "(not shown)");
}

#[test]
fn rules_are_shown_as_they_were_written() {
    let file = "[[access.rules]]\naddress = \"10.0.0.0/8\"\nservices = [\"orders\", \"a/*\"]\n\
                allow = [\"balance\", \"inspect\"]\n\
                [[access.rules]]\naddress = \"::1\"\nallow = [\"inspect\"]\n";
    let all = shown(file, &[], Overrides::default());
    let rules = all.iter().find(|key| key.name == "access.rules").unwrap();
    assert_eq!(
        (&*rules.value, rules.source),
        (
            "address 10.0.0.0/8 may balance, inspect on orders, a/*; address ::1 may inspect",
            "file"
        )
    );
}
