use super::*;

fn registration(address: &str, zone: Option<&str>) -> Registration {
    Registration {
        service: "orders".parse().unwrap(),
        id: "a".parse().unwrap(),
        address: address.parse().unwrap(),
        weight: 100,
        zone: zone.map(Arc::from),
        state: BackendState::Serving,
    }
}

#[test]
fn an_address_that_nobody_can_dial_is_refused() {
    for address in ["0.0.0.0:80", "[::]:80", "10.0.0.1:0"] {
        let error = registration(address, None).check().unwrap_err();
        assert!(matches!(error, RegistrationError::Address(_)), "{address}");
    }
    assert_eq!(registration("orders-1:80", None).check(), Ok(()));
}

#[test]
fn a_zone_is_a_short_printable_text() {
    assert_eq!(registration("h:1", Some("eu west/1")).check(), Ok(()));
    for zone in ["", "a\nb", &"z".repeat(256)] {
        let error = registration("h:1", Some(zone)).check().unwrap_err();
        assert_eq!(error, RegistrationError::Zone(zone.len()));
    }
}

#[test]
fn a_time_to_live_outside_the_bounds_is_refused() {
    assert!(check_ttl(MIN_TTL).is_ok() && check_ttl(MAX_TTL).is_ok());
    for ttl in [MIN_TTL - Duration::from_millis(1), MAX_TTL + MIN_TTL] {
        assert_eq!(check_ttl(ttl), Err(RegistrationError::Ttl(ttl)));
    }
}

#[test]
fn a_handle_is_bounded_and_never_logged() {
    assert!(Handle::new(b"").is_err());
    assert!(Handle::new(&[0; MAX_HANDLE_BYTES + 1]).is_err());
    let handle = Handle::new(b"secret").unwrap();
    assert_eq!(format!("{handle:?}"), "Handle(6 bytes)");
}
