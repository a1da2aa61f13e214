use std::collections::BTreeSet;

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Environment, ConfigError> {
    environment(
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    )
}

/// The fields that the schema knows in a section, as its own error lists them.
fn fields(section: &str) -> BTreeSet<String> {
    let text = if section.is_empty() {
        "nonsense = 1".to_owned()
    } else {
        format!("[{section}]\nnonsense = 1")
    };
    let error = toml::from_str::<Config>(&text).unwrap_err();
    let (_, expected) = error.message().split_once("expected").unwrap();
    let names = expected.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn every_key_has_a_variable() {
    let sections: BTreeSet<_> = KEYS
        .iter()
        .map(|(section, _)| (*section).to_owned())
        .collect();
    let top = fields("");
    for section in &sections {
        let known: BTreeSet<String> = keys()
            .filter(|(of, ..)| of == section)
            .map(|(_, key, _)| key.to_owned())
            .collect();
        let mut expected = fields(section);
        expected.retain(|name| (section.as_str(), name.as_str()) != ("access", "rules"));
        if section.is_empty() {
            expected.retain(|name| !sections.contains(name));
        } else {
            assert!(top.contains(section), "{section}");
        }
        assert_eq!(known, expected, "[{section}]");
    }
}

#[test]
fn variables_are_named_after_section_and_key() {
    let found = read(&[
        ("LOOKASIDE_LISTS_MAX_SLOTS", "7"),
        ("LOOKASIDE_LISTS_PANIC", "0.25"),
        ("LOOKASIDE_TOKENS_KEYS", "file:/a, file:/b"),
        ("LOOKASIDE_LISTEN", "0.0.0.0:1"),
        ("LOOKASIDE_LOG", "debug"),
        ("HOME", "/"),
    ])
    .unwrap();
    let config = Config::deserialize(found.table).unwrap();
    assert_eq!(config.lists.max_slots, 7);
    assert_eq!(config.lists.panic, 0.25);
    assert_eq!(config.tokens.keys, ["file:/a", "file:/b"]);
    assert_eq!(config.listen.to_string(), "0.0.0.0:1");
    assert!(found.unknown.is_empty());
}

#[test]
fn a_variable_that_is_no_key_is_told_apart() {
    let found = read(&[("LOOKASIDE_LISTS_MAX_SLOT", "7")]).unwrap();
    assert_eq!(found.unknown, ["LOOKASIDE_LISTS_MAX_SLOT"]);
    assert!(found.table.is_empty());
}

#[test]
fn a_wrong_value_is_refused_by_its_variables_name() {
    for (name, value, expected) in [
        ("LOOKASIDE_LISTS_MAX_SLOTS", "many", "whole number"),
        ("LOOKASIDE_LISTS_MAX_SLOTS", "0", "1 to 32768"),
        ("LOOKASIDE_LIMITS_STREAMS", "-1", "u32"),
        ("LOOKASIDE_LISTS_QUIET", "soon", "no duration like 10s"),
        ("LOOKASIDE_LISTS_ON_EMPTY", "cry", "hold"),
        ("LOOKASIDE_LISTS_PANIC", "1.5", "0 to 1"),
        ("LOOKASIDE_REGISTRATION_ENABLED", "maybe", "auto"),
        ("LOOKASIDE_REGISTRY", "zk://a", "etcd://HOST:PORT"),
    ] {
        let error = read(&[(name, value)]).unwrap_err().to_string();
        for part in [name, value, expected] {
            assert!(error.contains(part), "{part:?} in {error}");
        }
    }
}
