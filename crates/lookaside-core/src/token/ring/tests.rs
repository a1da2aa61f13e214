use super::*;

fn key(n: u8) -> Key {
    Key::new(&[n; 16]).unwrap()
}

#[test]
fn the_first_key_of_a_ring_signs() {
    let ring = KeyRing::new([key(1), key(2)]).unwrap();
    assert_eq!(ring.signing(), &key(1));
    assert_eq!(ring.keys(), [key(1), key(2)]);
    assert_eq!(KeyRing::from(key(1)), KeyRing::new([key(1)]).unwrap());
}

#[test]
fn a_ring_has_1_to_8_different_keys() {
    assert_eq!(KeyRing::new([]), Err(KeyRingError::Empty));
    assert!(KeyRing::new((1..=8).map(key)).is_ok());
    assert_eq!(
        KeyRing::new((1..=9).map(key)),
        Err(KeyRingError::TooMany(9))
    );
    let error = KeyRing::new([key(1), key(2), key(1)]).unwrap_err();
    let id = key(1).id();
    let expected = format!("key 3 is the same as key 1 (id {id})");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn keys_are_read_one_a_line_without_comments_and_empty_lines() {
    let text = "# since May\r\nAQEBAQEBAQEBAQEBAQEBAQ==\r\n\n  # next\n AgICAgICAgICAgICAgICAg \n";
    assert_eq!(parse_keys(text), Ok(vec![key(1), key(2)]));
    assert_eq!(parse_keys(" \n# nothing\n"), Ok(vec![]));
}

#[test]
fn the_line_that_is_no_key_is_named_and_not_told() {
    let error = parse_keys("AQEBAQEBAQEBAQEBAQEBAQ==\n\nhunter2!\n").unwrap_err();
    assert_eq!(error.to_string(), "line 3: the key is not base64");
}
