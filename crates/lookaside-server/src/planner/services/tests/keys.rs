//! A new key is a new list for each service, and nothing else.

use lookaside_core::{Key, KeyRing};

use super::*;

fn signed(keys: &[u8]) -> TokenIssuer {
    let keys = keys.iter().map(|n| Key::new(&[*n; 16]).unwrap());
    TokenIssuer::Signed(KeyRing::new(keys).unwrap())
}

impl Fixture {
    fn sign(&mut self, issuer: &TokenIssuer) -> &mut Self {
        self.services.sign(issuer.clone(), self.now());
        self
    }

    fn tokens_are_of(&self, text: &str, issuer: &TokenIssuer) -> bool {
        let published = self.published(text).unwrap();
        let Plan::List(list) = &*published.plan else {
            panic!("no list");
        };
        let mut endpoints = list.endpoints().iter();
        endpoints.all(|endpoint| endpoint.token == issuer.issue(&name(text), endpoint.id()))
    }
}

#[test]
fn another_key_gives_each_service_one_new_list() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1, 2])));
    fixture.set("users", Some(service(&[1]))).after(QUIET);
    fixture.sign(&signed(&[1]));
    for service in ["orders", "users"] {
        assert_eq!(fixture.version(service), 2);
        assert!(fixture.tokens_are_of(service, &signed(&[1])));
    }
    assert_eq!(fixture.services.next_due(), None);
}

#[test]
fn a_key_that_only_verifies_gives_nobody_anything() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1]))).after(QUIET);
    fixture.sign(&signed(&[1])).after(QUIET);
    fixture.sign(&signed(&[1, 2])).after(QUIET);
    assert_eq!(fixture.version("orders"), 2);
}

#[test]
fn keys_that_change_in_a_burst_of_changes_are_merged_with_it() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1])));
    fixture.set("orders", Some(service(&[1, 2])));
    fixture.sign(&signed(&[1])).sign(&signed(&[2]));
    assert_eq!(fixture.version("orders"), 1);
    fixture.after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 2));
    assert!(fixture.tokens_are_of("orders", &signed(&[2])));
}

#[test]
fn a_list_that_is_kept_gets_tokens_of_the_new_key() {
    let mut fixture = Fixture::new(OnEmpty::Hold);
    fixture.set("orders", Some(service(&[1, 2]))).after(QUIET);
    fixture.sign(&signed(&[1])).after(QUIET);
    fixture.set("orders", None).after(QUIET);
    assert_eq!(fixture.slots("orders"), 2, "held");
    fixture.sign(&signed(&[2])).after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (3, 2));
    assert!(fixture.tokens_are_of("orders", &signed(&[2])));
}

#[test]
fn another_key_keeps_no_forgotten_service_alive() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture
        .set("orders", Some(service(&[1])))
        .set("orders", None);
    fixture.after(KNOWN_FOR / 2).sign(&signed(&[1]));
    fixture.after(KNOWN_FOR / 2);
    fixture.services.forget_absent(fixture.now().timer);
    assert!(fixture.published("orders").is_none());
}
