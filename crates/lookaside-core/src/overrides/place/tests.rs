use super::*;
use crate::{BackendId, BackendState, Override, ServiceOverrides};

fn backend(address: &str, zone: Option<&str>) -> Backend {
    Backend {
        id: BackendId::new("a").unwrap(),
        address: address.parse().unwrap(),
        weight: 1,
        zone: zone.map(Into::into),
        state: BackendState::Serving,
        key: "k".into(),
        revision: 1,
    }
}

fn cordons(places: &[Place]) -> Cordons {
    let orders = places.iter().cloned().map(Override::Cordon);
    let noted = orders.map(|it| (it, OverrideNote::default()));
    ServiceOverrides::new(noted, Vec::new()).cordons
}

#[test]
fn a_cordon_holds_for_its_host_however_that_is_written_and_for_its_zone() {
    let all = cordons(&[
        Place::host("10.0.0.5").unwrap(),
        Place::host("node-5.example").unwrap(),
        Place::zone("eu-1").unwrap(),
    ]);
    let under = |address: &str, zone| all.of(&backend(address, zone)).map(|it| it.0.to_string());
    for (address, zone, place) in [
        ("10.0.0.5:1", None, Some("host 10.0.0.5")),
        ("[::ffff:10.0.0.5]:2", None, Some("host 10.0.0.5")),
        ("10.0.0.5:1", Some("eu-1"), Some("host 10.0.0.5")),
        ("Node-5.Example.:1", None, Some("host node-5.example")),
        ("10.0.0.6:1", Some("eu-1"), Some("zone eu-1")),
        ("10.0.0.6:1", Some("EU-1"), None),
        ("node-50.example:1", Some("eu"), None),
        ("10.0.0.50:1", None, None),
    ] {
        assert_eq!(under(address, zone).as_deref(), place, "{address} {zone:?}");
    }
    let resolved = |text: &str| all.of_address(text.parse().unwrap()).is_some();
    assert!(resolved("10.0.0.5:80") && resolved("[::ffff:10.0.0.5]:80"));
    assert!(!resolved("10.0.0.6:80"));
}

#[test]
fn what_is_no_place_says_what_was_expected() {
    for text in ["", "10.0.0.5:80", "a b", "[::1", "a/b", "10.0.0"] {
        let error = Place::host(text).unwrap_err().to_string();
        assert!(error.contains("without a port"), "{text}: {error}");
    }
    for text in ["", "a\u{7}", &"x".repeat(256)] {
        assert_eq!(Place::zone(text), Err(PlaceError::Zone), "{text:?}");
    }
}
