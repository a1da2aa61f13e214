use proptest::prelude::*;

use super::*;

fn id(text: &str) -> BackendId {
    BackendId::new(text).unwrap()
}

fn service(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn cordon(place: Result<Place, PlaceError>) -> OverrideTarget {
    OverrideTarget::Cordon(place.unwrap())
}

#[test]
fn a_key_is_read_from_its_end_so_that_a_service_may_have_slashes() {
    for (key, name, target) in [
        ("orders/drops", "orders", OverrideTarget::Drops),
        (
            "shop/orders/fallback",
            "shop/orders",
            OverrideTarget::Fallback,
        ),
        ("a/b/weight/x", "a/b", OverrideTarget::Weight(id("x"))),
        (
            "a/drain/10.0.0.1:1",
            "a",
            OverrideTarget::Drain(id("10.0.0.1:1")),
        ),
        ("**/drain/x", "**", OverrideTarget::Drain(id("x"))),
        (
            "**/cordon-host/10.0.0.1",
            "**",
            cordon(Place::host("10.0.0.1")),
        ),
        (
            "**/cordon-host/node-5.example",
            "**",
            cordon(Place::host("Node-5.example.")),
        ),
        (
            "**/cordon-host/2001:db8::1",
            "**",
            cordon(Place::host("[2001:DB8::1]")),
        ),
        ("**/cordon-host/drops/", "**", cordon(Place::host("drops"))),
        (
            "**/cordon-zone/eu%2F1%20b%25",
            "**",
            cordon(Place::zone("eu/1 b%")),
        ),
        // Either of these could be read as the other without a rule.
        ("a/weight/drops", "a/weight", OverrideTarget::Drops),
        ("a/weight/drops/", "a", OverrideTarget::Weight(id("drops"))),
        (
            "a/drain/drain/drain",
            "a/drain",
            OverrideTarget::Drain(id("drain")),
        ),
    ] {
        let read = OverrideTarget::parse_key(key).unwrap();
        assert_eq!(read, (service(name), target), "{key}");
        assert_eq!(read.1.key(&read.0), key);
    }
}

#[test]
fn what_is_no_key_says_what_was_expected() {
    for key in [
        "",
        "orders",
        "drops",
        "weight/x",
        "a/cordon/x",
        "a/cordon-host/10.0.0.1",
        "x/**/cordon-zone/z",
        "cordon-zone/z",
        "a/weight/x/",
        "a/b",
    ] {
        let error = OverrideTarget::parse_key(key).unwrap_err();
        assert_eq!(error, OverrideKeyError::Form, "{key}");
    }
    for key in [
        "/drops",
        "a//drops",
        "a/weight/",
        "a b/drops",
        "a/weight/b c",
        "**/cordon-host/10.0.0.1:80",
        "**/cordon-host/Node-5",
        "**/cordon-host/::ffff:10.0.0.1",
        "**/cordon-zone/a%2f",
        "**/cordon-zone/%41",
        "**/cordon-zone/%",
        "**/cordon-zone/a b",
    ] {
        let error = OverrideTarget::parse_key(key);
        assert!(error.is_err(), "{key}: {error:?}");
    }
}

#[test]
fn a_note_reads_as_a_sentence() {
    let mut note = OverrideNote::default();
    assert_eq!(note.to_string(), "override of unknown");
    note.by = Some("alice".into());
    note.reason = Some("disk is failing".into());
    assert_eq!(note.to_string(), "override of alice: disk is failing");
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:\\[\\]%]{1,6}",
        Just("drops".to_owned()),
        Just("fallback".to_owned()),
        Just("weight".to_owned()),
        Just("drain".to_owned()),
    ]
}

proptest! {
    #[test]
    fn every_key_names_its_target_and_no_other(
        name in prop::collection::vec(segment(), 1..4),
        backend in segment(),
        kind in 0..4,
    ) {
        let name = service(&name.join("/"));
        let target = match kind {
            0 => OverrideTarget::Weight(id(&backend)),
            1 => OverrideTarget::Drain(id(&backend)),
            2 => OverrideTarget::Drops,
            _ => OverrideTarget::Fallback,
        };
        let key = target.key(&name);
        prop_assert_eq!(OverrideTarget::parse_key(&key), Ok((name, target)));
    }

    #[test]
    fn every_zone_that_a_backend_can_be_in_has_a_key(zone in "[^\\p{C}]{1,9}|[ /%a]{1,5}") {
        let target = cordon(Place::zone(&zone));
        let key = target.key(&ServiceName::all());
        prop_assert!(!key.contains(char::is_whitespace));
        prop_assert_eq!(OverrideTarget::parse_key(&key), Ok((ServiceName::all(), target)));
    }

    #[test]
    fn a_key_that_is_read_is_the_one_that_would_be_written(key in "[a-z/]{0,8}(/(weight|drain|drops|cordon-host|cordon-zone))?/?[a-z]{0,3}/?") {
        if let Ok((name, target)) = OverrideTarget::parse_key(&key) {
            prop_assert_eq!(target.key(&name), key);
        }
    }
}
