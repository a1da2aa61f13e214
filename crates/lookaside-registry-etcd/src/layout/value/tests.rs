use proptest::prelude::*;

use super::*;

fn read(value: &str) -> BackendValue {
    decode(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn refused(value: &str) -> String {
    match decode(value.as_bytes()) {
        Ok(it) => panic!("{value} was read as {it:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_the_go_package_writes_is_read() {
    let it = read(r#"{"Op":0,"Addr":"10.0.0.1:8080","Metadata":null}"#);
    assert_eq!(it.address.to_string(), "10.0.0.1:8080");
    assert_eq!(
        (it.weight, it.zone, it.state),
        (100, None, BackendState::Serving)
    );
    let it = read(
        r#"{"Addr":"[::1]:50051","Metadata":{"weight":7,"zone":"a","state":"draining","x":[1]}}"#,
    );
    assert_eq!(it.address.to_string(), "[::1]:50051");
    assert_eq!((it.weight, it.zone.as_deref()), (7, Some("a")));
    assert_eq!(it.state, BackendState::Draining);
}

#[test]
fn field_names_match_whatever_their_case() {
    let it = read(r#"{"addr":"h:1","METADATA":{"Weight":3,"ZONE":"b","State":"draining"}}"#);
    assert_eq!((it.weight, it.zone.as_deref()), (3, Some("b")));
    assert_eq!(it.state, BackendState::Draining);
}

#[test]
fn metadata_that_are_no_object_are_ignored() {
    for metadata in ["null", "7", "\"weight\"", "[1,2]", "true"] {
        let it = read(&format!(r#"{{"Addr":"h:1","Metadata":{metadata}}}"#));
        assert_eq!(it.weight, DEFAULT_WEIGHT, "{metadata}");
    }
}

#[test]
fn a_weight_may_be_a_decimal_text_and_takes_the_whole_range() {
    for (weight, expected) in [
        ("0", 0),
        ("\"10\"", 10),
        ("4294967295", u32::MAX),
        ("null", 100),
    ] {
        let it = read(&format!(
            r#"{{"Addr":"h:1","Metadata":{{"weight":{weight}}}}}"#
        ));
        assert_eq!(it.weight, expected, "{weight}");
    }
}

#[test]
fn a_bad_value_is_refused_with_what_was_expected() {
    for (value, expected) in [
        ("", "not JSON"),
        ("nonsense", "not JSON"),
        ("[]", "the value is an array, expected an object"),
        ("\"10.0.0.1:1\"", "the value is a text"),
        ("{}", "no \"Addr\""),
        (r#"{"Addr":7}"#, "Addr is 7, expected a text HOST:PORT"),
        (r#"{"Addr":"10.0.0.1"}"#, "not HOST:PORT"),
        (r#"{"Addr":"10.0.0.1:0"}"#, "cannot be dialled"),
        (r#"{"Addr":"0.0.0.0:80"}"#, "cannot be dialled"),
        (r#"{"Addr":"[::]:80"}"#, "cannot be dialled"),
        (
            r#"{"Addr":"h:1","Metadata":{"weight":-1}}"#,
            "weight is -1, expected a whole number",
        ),
        (
            r#"{"Addr":"h:1","Metadata":{"weight":1.5}}"#,
            "weight is 1.5",
        ),
        (
            r#"{"Addr":"h:1","Metadata":{"weight":4294967296}}"#,
            "weight is 4294967296",
        ),
        (
            r#"{"Addr":"h:1","Metadata":{"weight":"+1"}}"#,
            "weight is \"+1\"",
        ),
        (
            r#"{"Addr":"h:1","Metadata":{"weight":""}}"#,
            "weight is \"\"",
        ),
        (
            r#"{"Addr":"h:1","Metadata":{"zone":1}}"#,
            "zone is 1, expected a text",
        ),
        (
            r#"{"Addr":"h:1","Metadata":{"state":"up"}}"#,
            "state is \"up\", expected \"serving\"",
        ),
    ] {
        let error = refused(value);
        assert!(error.contains(expected), "{value}: {error}");
    }
    let long = format!(r#"{{"Addr":"h:1","x":"{}"}}"#, "x".repeat(MAX_VALUE_BYTES));
    assert!(refused(&long).contains("at most 65536"));
}

#[test]
fn a_registration_is_written_in_the_layout_of_the_go_package() {
    let registration = Registration {
        service: "orders".parse().unwrap(),
        id: "1".parse().unwrap(),
        address: "10.0.0.1:50051".parse().unwrap(),
        weight: 100,
        zone: Some("a".into()),
        state: BackendState::Serving,
    };
    let key = "0123456789abcdef0123456789abcdef";
    let owner = Owner::parse(key, None).unwrap();
    let written: Value = serde_json::from_slice(&encode(&registration, &owner)).unwrap();
    let mut expected = json!({"Addr":"10.0.0.1:50051","Metadata":{
        "weight":100, "zone":"a", "state":"serving", "owner":key,
    }});
    assert_eq!(written, expected);
    let owner = Owner::parse(key, Some("spiffe://x/a".into())).unwrap();
    let written: Value = serde_json::from_slice(&encode(&registration, &owner)).unwrap();
    expected["Metadata"]["owner_identity"] = "spiffe://x/a".into();
    assert_eq!(written, expected);
    assert_eq!(owner_of(written.to_string().as_bytes()), Some(owner));
}

#[test]
fn the_sequence_of_an_owner_is_written_and_read_as_it_is() {
    let registration = Registration {
        service: "orders".parse().unwrap(),
        id: "1".parse().unwrap(),
        address: "10.0.0.1:50051".parse().unwrap(),
        weight: 100,
        zone: None,
        state: BackendState::Serving,
    };
    let unknown = Owner::parse(&"0f".repeat(16), None).unwrap();
    for sequence in [None, Some(0), Some(u64::MAX)] {
        let owner = unknown.clone().with_sequence(sequence);
        let written = encode(&registration, &owner);
        assert_eq!(owner_of(&written), Some(owner));
        assert!(decode(&written).is_ok());
    }
    // What is none stands in nobody's way.
    for sequence in ["-1", "1.5", "\"1\"", "null", "[]", "1e30"] {
        let written = format!(
            r#"{{"Addr":"h:1","Metadata":{{"owner":"{}","owner_sequence":{sequence}}}}}"#,
            unknown.key_text()
        );
        assert_eq!(
            owner_of(written.as_bytes()),
            Some(unknown.clone()),
            "{sequence}"
        );
    }
}

#[test]
fn a_value_that_others_wrote_has_no_owner() {
    for value in [
        r#"{"Addr":"10.0.0.1:1"}"#,
        r#"{"Addr":"10.0.0.1:1","Metadata":{"weight":1}}"#,
        r#"{"Addr":"10.0.0.1:1","Metadata":{"owner":"me"}}"#,
        r#"{"Addr":"10.0.0.1:1","Metadata":"owner"}"#,
        "junk",
    ] {
        assert_eq!(owner_of(value.as_bytes()), None, "{value}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = address_of(&bytes);
        let _ = owner_of(&bytes);
    }

    #[test]
    fn what_is_written_is_read_back(weight: u32, zone in "[a-z]{0,8}", draining: bool) {
        let registration = Registration {
            service: "s".parse().unwrap(),
            id: "1".parse().unwrap(),
            address: "h.example:1".parse().unwrap(),
            weight,
            zone: Some(zone.as_str().into()).filter(|_| !zone.is_empty()),
            state: if draining { BackendState::Draining } else { BackendState::Serving },
        };
        let owner = Owner::parse(&"0f".repeat(16), None).unwrap();
        let encoded = encode(&registration, &owner);
        let it = decode(&encoded).unwrap();
        prop_assert_eq!(address_of(&encoded), Some(it.address.clone()));
        prop_assert_eq!(
            (it.address, it.weight, it.zone, it.state),
            (registration.address, weight, registration.zone, registration.state)
        );
    }
}
