use std::time::Duration;

use lookaside_core::{BackendId, Drop, Drops, Place};
use proptest::{option, prelude::*};

use super::*;

fn id() -> BackendId {
    BackendId::new("a").unwrap()
}

fn error(target: OverrideTarget, json: &str) -> String {
    parse_override(target, json.as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_value_alone_is_enough() {
    let read = |target, json: &str| parse_override(target, json.as_bytes()).unwrap();
    assert_eq!(
        read(OverrideTarget::Weight(id()), r#"{"value":0}"#),
        (Override::Weight(id(), 0), OverrideNote::default())
    );
    assert_eq!(
        read(OverrideTarget::Drops, r#"{"value":[]}"#).0,
        Override::Drops(Drops::default())
    );
}

#[test]
fn a_bad_override_names_its_key_and_what_was_expected() {
    use OverrideTarget::{Drain, Drops, Fallback, Weight};
    for (target, json, parts) in [
        (
            Weight(id()),
            r#"{"value":1.5}"#,
            ["value: ", "a whole number"],
        ),
        (Weight(id()), "7", ["an object", "7"]),
        (Weight(id()), r#"{}"#, ["missing field", "`value`"]),
        (
            Drain(id()),
            r#"{"value":false}"#,
            ["value: ", "its key is deleted"],
        ),
        (Fallback, r#"{"value":1}"#, ["value: ", "a boolean"]),
        (Fallback, r#"{"value":true,"who":"a"}"#, ["`who`", "`by`"]),
        (
            Fallback,
            r#"{"value":true,"by":"a\nb"}"#,
            ["by: ", "control characters"],
        ),
        (
            Fallback,
            r#"{"value":true,"at":"today"}"#,
            ["at: ", "2026-01-31T12:00:00Z"],
        ),
        (
            Drops,
            r#"{"value":[{"category":"a","per_million":2000000}]}"#,
            ["value[0].per_million: ", "1000000"],
        ),
    ] {
        let message = error(target, json);
        for part in parts {
            assert!(message.contains(part), "{json}: {message}");
        }
    }
}

proptest! {
    #[test]
    fn overrides_are_written_so_that_they_read_the_same(
        weight: u32, fallback: bool, share in 1u32..=1_000_000, kind in 0..5,
        by in option::of("[^\\p{Cc}]{1,20}"),
        reason in option::of("[^\\p{Cc}]{1,60}"),
        at in option::of(0u64..10_000_000_000),
        expires in option::of(0u64..10_000_000_000),
    ) {
        let value = match kind {
            0 => Override::Weight(id(), weight),
            1 => Override::Drain(id()),
            2 => Override::Drops(Drops::new([Drop {
                category: "overload".into(),
                per_million: share,
            }]).unwrap()),
            3 => Override::Cordon(Place::host("10.0.0.5").unwrap()),
            _ => Override::Fallback(fallback),
        };
        let time = |it: Option<u64>| it.map(|it| SystemTime::UNIX_EPOCH + Duration::from_secs(it));
        let note = OverrideNote {
            by: by.map(Into::into),
            reason: reason.map(Into::into),
            at: time(at),
            expires: time(expires),
            ..OverrideNote::default()
        };
        let json = override_json(&value, &note);
        prop_assert_eq!(parse_override(value.target(), json.as_bytes()), Ok((value, note)));
    }
}
