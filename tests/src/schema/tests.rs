use serde_json::json;

use super::violations;

#[test]
fn a_value_that_is_as_described_is_accepted() {
    let value = json!({"overrides": [{
        "service": "orders", "kind": "drain", "backend": "a", "value": "true", "by": "me",
        "reason": "", "at": "2026-01-31T12:00:00.000Z", "expires": null, "key": "k",
        "revision": 3,
    }]});
    assert_eq!(violations("overrides", &value), [""; 0]);
}

#[test]
fn a_missing_field_a_new_one_a_wrong_type_and_a_wrong_time_are_each_named() {
    let value = json!({"overrides": [{
        "service": "orders", "kind": 7, "backend": "a", "value": "true", "by": "me",
        "reason": "", "at": "yesterday", "expires": null, "revision": -1, "colour": "red",
    }]});
    let found = violations("overrides", &value).join("\n");
    for part in [
        "required",
        "kind: 7",
        "at: \"yesterday\"",
        "revision: -1",
        "colour is not",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
}
