use proptest::prelude::*;

use super::*;
use crate::{Key, MAX_TOKEN_CHARS, Variant};

fn ring(keys: &[u8]) -> KeyRing {
    KeyRing::new(keys.iter().map(|n| Key::new(&[*n; 16]).unwrap())).unwrap()
}

fn token(issuer: &TokenIssuer, service: &str, id: &str) -> String {
    let (service, id) = (ServiceName::new(service), BackendId::new(id));
    issuer.issue(&service.unwrap(), &id.unwrap()).to_string()
}

#[test]
fn a_signed_token_is_the_two_hashes_and_the_mac_in_every_version() {
    let key = Key::new(b"0123456789abcdef0123456789abcdef").unwrap();
    let issuer = TokenIssuer::Signed(key.into());
    // The hashes as in an unsigned token, and
    // printf 'lookaside token\0orders\0a' | openssl dgst -sha256 -mac HMAC \
    //   -macopt hexkey:... -binary | head -c12 | basenc --base64url
    assert_eq!(
        token(&issuer, "orders", "a"),
        "1HBaK2wDSypeBEsobUx7KOqZ9tpZU6BpS"
    );
}

#[test]
fn only_the_first_key_makes_a_difference_to_tokens() {
    let [one, same, other] =
        [&[1, 2][..], &[1], &[2, 1]].map(|keys| TokenIssuer::Signed(ring(keys)));
    assert_eq!(one, same);
    assert_eq!(token(&one, "orders", "a"), token(&same, "orders", "a"));
    assert_ne!(one, other);
    assert_ne!(token(&one, "orders", "a"), token(&other, "orders", "a"));
    assert_ne!(one, TokenIssuer::Unsigned);
}

#[test]
fn a_signed_token_has_room_for_a_variant() {
    let name = "n".repeat(255);
    let token = TokenIssuer::Signed(ring(&[1])).issue(
        &ServiceName::new(&name).unwrap(),
        &BackendId::new(&name).unwrap(),
    );
    let varied = token.with_variant(Variant::random(&mut fastrand::Rng::with_seed(1)));
    assert_eq!(varied.as_str().len(), 37);
    assert!(varied.as_str().len() <= MAX_TOKEN_CHARS);
}

proptest! {
    /// Two names run together could be taken for two others.
    #[test]
    fn names_that_read_the_same_in_a_row_are_signed_differently(
        text in "[a-z]{2,9}", one in 1usize..8, other in 1usize..8,
    ) {
        let (one, other) = (one.min(text.len() - 1), other.min(text.len() - 1));
        let issuer = TokenIssuer::Signed(ring(&[1]));
        let signature = |at: usize| token(&issuer, &text[..at], &text[at..])[17..].to_owned();
        prop_assert_eq!(signature(one) == signature(other), one == other);
    }
}
