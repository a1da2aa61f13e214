use super::*;

/// `0123456789abcdef` twice.
const TEXT: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[test]
fn a_key_has_16_bytes_at_least_and_the_error_says_how_many_it_has() {
    assert!(Key::new(&[7; 16]).is_ok());
    assert!(Key::new(&[7; 1000]).is_ok());
    for short in [0, 1, 15] {
        let error = Key::new(&vec![7; short]).unwrap_err();
        assert_eq!(error, KeyError::TooShort { bytes: short });
        let text = error.to_string();
        assert!(text.contains(&short.to_string()), "{text}");
        assert!(text.contains("16"), "{text}");
    }
}

#[test]
fn a_key_is_read_from_base64_with_or_without_padding() {
    let key = Key::new(b"0123456789abcdef0123456789abcdef").unwrap();
    assert_eq!(TEXT.parse(), Ok(key.clone()));
    assert_eq!(TEXT.trim_end_matches('=').parse(), Ok(key));
}

#[test]
fn what_is_no_key_is_refused_without_being_told() {
    let hex = "00112233445566778899aabbccddeeff";
    for (text, error) in [
        (hex, KeyError::Hexadecimal),
        (&hex.to_uppercase(), KeyError::Hexadecimal),
        ("", KeyError::TooShort { bytes: 0 }),
        ("MDEyMzQ1Njc4OWFi", KeyError::TooShort { bytes: 12 }),
        ("a secret with spaces in it", KeyError::NotBase64),
        ("not_standard-base64_but-urls", KeyError::NotBase64),
        // Bits that no encoder sets.
        ("MDEyMzQ1Njc4OWFiY2RlZh==", KeyError::NotBase64),
    ] {
        assert_eq!(text.parse::<Key>(), Err(error), "{text}");
        assert!(text.is_empty() || !error.to_string().contains(text));
    }
}

#[test]
fn a_keys_id_is_the_same_in_every_version_and_shows_nothing_else() {
    // printf 'lookaside key id\0' | openssl dgst -sha256 -mac HMAC -macopt hexkey:...
    let key: Key = TEXT.parse().unwrap();
    assert_eq!(key.id().to_string(), "8fe12b6e");
    assert_eq!(format!("{key:?}"), "Key(8fe12b6e)");
    let orders = ServiceName::new("orders").unwrap();
    assert_eq!(format!("{:?}", key.for_service(&orders)), "ServiceMac");
}

#[test]
fn keys_are_equal_if_they_sign_alike() {
    let key = Key::new(&[1; 16]).unwrap();
    assert_eq!(key, Key::new(&[1; 16]).unwrap());
    assert_ne!(key, Key::new(&[2; 16]).unwrap());
    // HMAC fills a short key up with zeros.
    let mut filled = [0; 20];
    filled[..16].fill(1);
    assert_eq!(key, Key::new(&filled).unwrap());
}
