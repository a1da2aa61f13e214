use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::{BackendId, ServiceName};

fn token(service: &str, id: &str) -> Token {
    let (service, id) = (ServiceName::new(service), BackendId::new(id));
    TokenIssuer::Unsigned.issue(&service.unwrap(), &id.unwrap())
}

#[test]
fn an_unsigned_token_is_the_two_hashes_in_every_version() {
    // printf orders | openssl dgst -sha256 -binary | head -c6 | basenc --base64url
    assert_eq!(token("orders", "a").as_str(), "0HBaK2wDSypeBEsob");
}

#[test]
fn tokens_differ_by_service_and_by_id() {
    let tokens = [("a", "x"), ("a", "y"), ("b", "x"), ("x", "a")].map(|(s, id)| token(s, id));
    assert_eq!(tokens.into_iter().collect::<HashSet<_>>().len(), 4);
}

#[test]
fn a_token_is_1_to_49_printable_ascii_characters() {
    assert_eq!(Token::new(&"~".repeat(49)).unwrap().as_str().len(), 49);
    for bad in ["", " ", "a b", "é", "\n", &"x".repeat(50)] {
        let error = Token::new(bad).unwrap_err().to_string();
        assert!(error.contains(&format!("{bad:?}")), "{error}");
    }
}

#[test]
fn a_token_without_room_for_a_variant_stays_as_it_is() {
    let variant = Variant::random(&mut fastrand::Rng::with_seed(1));
    let longest = Token::new(&"x".repeat(45)).unwrap();
    assert_eq!(
        longest.with_variant(variant).as_str(),
        format!("{longest}.{variant}")
    );
    let full = Token::new(&"x".repeat(46)).unwrap();
    assert_eq!(full.with_variant(variant), full);
}

#[test]
fn only_a_dot_and_three_characters_of_the_alphabet_are_a_variant() {
    assert_eq!(strip_variant("0abc.x-_"), "0abc");
    assert_eq!(strip_variant("a.b.cde"), "a.b");
    for whole in ["0abc", "a.bc", "a.bcde", "a.b+c", "abc.", "abcd"] {
        assert_eq!(strip_variant(whole), whole);
    }
}

#[test]
fn variants_of_different_streams_differ() {
    let mut rng = fastrand::Rng::with_seed(1);
    let variants: HashSet<_> = (0..1000).map(|_| Variant::random(&mut rng)).collect();
    assert!(variants.len() > 990, "{}", variants.len());
}

proptest! {
    #[test]
    fn a_variant_is_stripped_again(text in "[!-~]{1,45}", seed: u64) {
        let token = Token::new(&text).unwrap();
        let varied = token.with_variant(Variant::random(&mut fastrand::Rng::with_seed(seed)));
        prop_assert_eq!(strip_variant(varied.as_str()), token.as_str());
    }

    #[test]
    fn tokens_sort_and_compare_as_their_text(one in "[!-~]{1,49}", other in "[!-~]{1,49}") {
        let tokens = (Token::new(&one).unwrap(), Token::new(&other).unwrap());
        prop_assert_eq!(tokens.0.cmp(&tokens.1), one.cmp(&other));
        prop_assert_eq!(tokens.0 == tokens.1, one == other);
        prop_assert_eq!(tokens.0.as_str(), one);
    }
}
