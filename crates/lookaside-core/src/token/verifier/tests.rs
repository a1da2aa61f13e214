use proptest::prelude::*;

use super::*;
use crate::{TokenIssuer, Variant};

fn ring(keys: &[u8]) -> KeyRing {
    KeyRing::new(keys.iter().map(|n| Key::new(&[*n; 16]).unwrap())).unwrap()
}

fn names(service: &str, id: &str) -> (ServiceName, BackendId) {
    (
        ServiceName::new(service).unwrap(),
        BackendId::new(id).unwrap(),
    )
}

fn token(keys: Option<&[u8]>, service: &str, id: &str) -> String {
    let issuer = keys.map_or(TokenIssuer::Unsigned, |keys| {
        TokenIssuer::Signed(ring(keys))
    });
    let (service, id) = names(service, id);
    issuer.issue(&service, &id).to_string()
}

fn verifier(keys: Option<&[u8]>) -> TokenVerifier {
    let own = [
        names("orders", "a"),
        names("orders", "b"),
        names("team/users", "a"),
    ];
    TokenVerifier::new(keys.map(ring), own)
}

fn invalid(fault: TokenFault) -> TokenVerdict {
    TokenVerdict::Invalid(fault)
}

#[test]
fn a_token_under_any_key_of_the_ring_is_valid_for_each_of_the_backends_own() {
    let verifier = verifier(Some(&[1, 2, 3]));
    for (service, id) in [("orders", "a"), ("orders", "b"), ("team/users", "a")] {
        for key in 0..3u8 {
            let token = token(Some(&[key + 1]), service, id);
            let valid = TokenVerdict::Valid { key: key.into() };
            assert_eq!(verifier.verify(token.as_bytes()), valid);
            assert_eq!(verifier.verify(format!("{token}.x-9").as_bytes()), valid);
        }
    }
}

#[test]
fn a_token_under_another_key_is_none_of_ours() {
    let token = token(Some(&[4]), "orders", "a");
    let verdict = verifier(Some(&[1, 2])).verify(token.as_bytes());
    assert_eq!(verdict, invalid(TokenFault::UnknownKey));
    let verdict = verifier(None).verify(token.as_bytes());
    assert_eq!(verdict, invalid(TokenFault::UnknownKey));
}

#[test]
fn another_backends_token_is_foreign_however_well_it_is_signed() {
    let verifier = verifier(Some(&[1]));
    for (service, id) in [("orders", "c"), ("users", "a"), ("team/users", "b")] {
        let token = token(Some(&[1]), service, id);
        assert_eq!(
            verifier.verify(token.as_bytes()),
            invalid(TokenFault::Foreign)
        );
    }
    // The signature of one of the backend's own names under another one.
    let mut mixed = token(Some(&[1]), "orders", "a");
    mixed.replace_range(1..17, &token(None, "orders", "b")[1..]);
    assert_eq!(
        verifier.verify(mixed.as_bytes()),
        invalid(TokenFault::UnknownKey)
    );
}

#[test]
fn an_unsigned_token_is_invalid_where_there_are_keys_and_proves_nothing_where_there_are_none() {
    let token = token(None, "orders", "a");
    let verdict = verifier(Some(&[1])).verify(token.as_bytes());
    assert_eq!(verdict, invalid(TokenFault::Unsigned));
    assert_eq!(
        verifier(None).verify(token.as_bytes()),
        TokenVerdict::Unverified
    );
}

#[test]
fn what_is_no_token_is_malformed() {
    let token = token(Some(&[1]), "orders", "a");
    let longer = format!("{token}x");
    let other = format!("2{}", &token[1..]);
    for malformed in [
        "",
        "0",
        "1",
        ".abc",
        "overload",
        &token[..32],
        &longer,
        &other,
        &token[..17],
        "\u{e9}",
        &format!("{token}.toolong"),
        &format!("{token}.ab"),
    ] {
        let verdict = verifier(Some(&[1])).verify(malformed.as_bytes());
        assert_eq!(verdict, invalid(TokenFault::Malformed), "{malformed}");
    }
}

#[test]
fn a_verifier_shows_no_signature() {
    let shown = format!("{:?}", verifier(Some(&[1])));
    let signature = &token(Some(&[1]), "orders", "a")[17..];
    assert!(!shown.contains(signature), "{shown}");
}

proptest! {
    #[test]
    fn a_token_with_one_bit_changed_is_invalid(at in 0usize..33, bit in 0u8..7) {
        let mut token = token(Some(&[1]), "orders", "a").into_bytes();
        token[at] ^= 1 << bit;
        let verdict = verifier(Some(&[1])).verify(&token);
        prop_assert!(matches!(verdict, TokenVerdict::Invalid(_)), "{:?}", verdict);
    }

    #[test]
    fn any_bytes_get_a_verdict(token: Vec<u8>) {
        verifier(Some(&[1])).verify(&token);
    }

    #[test]
    fn what_is_issued_is_valid(
        service in "[!-.0-~]{1,60}", id in "[!-.0-~]{1,60}", key in 1u8.., seed: u64,
    ) {
        let (service, id) = names(&service, &id);
        let token = TokenIssuer::Signed(ring(&[key])).issue(&service, &id);
        let varied = token.with_variant(Variant::random(&mut fastrand::Rng::with_seed(seed)));
        let verifier = TokenVerifier::new(Some(ring(&[key])), [(&service, &id)]);
        let valid = TokenVerdict::Valid { key: 0 };
        prop_assert_eq!(verifier.verify(varied.as_bytes()), valid);
        let parts = TokenParts::parse(token.as_bytes()).unwrap();
        prop_assert!(parts.is_signed() && parts.names_service(&service) && parts.names_id(&id));
    }
}
