use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn what_was_sealed_comes_back(body: Vec<u8>) {
        let file = seal(&body);
        prop_assert_eq!(unseal(&file), Ok(&*body));
    }

    #[test]
    fn every_changed_byte_is_noticed(
        body in prop::collection::vec(any::<u8>(), 0..200),
        at: prop::sample::Index,
        flip in 1u8..,
    ) {
        let mut file = seal(&body);
        let at = at.index(file.len());
        file[at] ^= flip;
        prop_assert!(unseal(&file).is_err());
    }

    #[test]
    fn bytes_that_were_never_sealed_are_refused(bytes: Vec<u8>) {
        prop_assert!(unseal(&bytes).is_err());
    }
}

#[test]
fn every_truncation_and_every_addition_is_noticed() {
    let file = seal(br#"{"registry":"etcd://10.0.0.1:2379"}"#);
    for end in 0..file.len() {
        assert!(unseal(&file[..end]).is_err(), "{end} bytes");
    }
    for more in [&b"\n"[..], b" ", b"{}"] {
        assert!(unseal(&[&file[..], more].concat()).is_err(), "{more:?}");
    }
}

#[test]
fn the_reason_says_what_is_wrong() {
    let file = String::from_utf8(seal(b"{}")).unwrap();
    let reason = |file: &str| unseal(file.as_bytes()).unwrap_err().to_string();
    assert!(reason("").contains("lookaside-state"));
    assert!(reason("[services]\n").contains("lookaside-state"));
    assert!(reason(&file.replace("state 1", "state 2")).contains("\"2\""));
    let cut = reason(&file[..file.len() - 1]);
    assert!(cut.contains("1 bytes") && cut.contains("says 2"), "{cut}");
    assert!(reason(&file.replace("{}", "[]")).contains("checksum"));
    // The same number to a human, but not as it was written.
    assert!(unseal(file.to_uppercase().as_bytes()).is_err());
}
