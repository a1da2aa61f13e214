use super::*;

fn names() -> (ServiceName, BackendId) {
    ("orders".parse().unwrap(), "a".parse().unwrap())
}

fn claim(secret: u8, request: u8) -> Claim {
    Claim::received(&[secret; 16], &[request; 16]).unwrap()
}

#[test]
fn a_repeated_request_is_the_same_registration_and_another_is_not() {
    let (service, id) = names();
    assert_eq!(
        claim(1, 1).key(&service, &id),
        claim(1, 1).key(&service, &id)
    );
    let again = claim(1, 1).another().unwrap();
    assert_ne!(claim(1, 1).key(&service, &id), again.key(&service, &id));
    assert_ne!(
        claim(1, 1).key(&service, &id),
        claim(2, 1).key(&service, &id)
    );
    let other = "b".parse().unwrap();
    assert_ne!(
        claim(1, 1).key(&service, &id),
        claim(1, 1).key(&service, &other)
    );
    assert_eq!(claim(1, 1).owner(&service, &id), again.owner(&service, &id));
}

#[test]
fn what_is_recorded_of_an_owner_is_no_handle_of_its() {
    let (service, id) = names();
    let owner = claim(1, 1).owner(&service, &id);
    assert_ne!(owner.key, claim(1, 1).key(&service, &id));
}

#[test]
fn names_that_run_into_one_another_are_told_apart() {
    let claim = claim(1, 1);
    let one = claim.key(&"orders/a".parse().unwrap(), &"b".parse().unwrap());
    let other = claim.key(&"orders".parse().unwrap(), &"ab".parse().unwrap());
    assert_ne!(one, other);
}

#[test]
fn an_owner_is_read_back_from_its_text() {
    let (service, id) = names();
    let owner = claim(1, 1)
        .with_identity(Some("spiffe://x/a".into()))
        .owner(&service, &id);
    let read = Owner::parse(&owner.key_text(), owner.identity().map(Arc::from));
    assert_eq!(read, Some(owner));
    for text in [
        "",
        "00",
        &"g".repeat(32),
        &"0".repeat(33),
        "ééééééééééééééé0",
    ] {
        assert_eq!(Owner::parse(text, None), None, "{text}");
    }
}

#[test]
fn a_live_registration_is_its_owners() {
    let (service, id) = names();
    let owner = |secret, identity: Option<&str>| {
        let claim = claim(secret, secret).with_identity(identity.map(Arc::from));
        claim.owner(&service, &id)
    };
    let (same, missed) = (true, true);
    let mine = owner(1, None);
    assert!(mine.yields_to(&owner(1, None), !same, !missed), "to itself");
    assert!(!mine.yields_to(&owner(2, None), same, !missed), "it renews");
    assert!(mine.yields_to(&owner(2, None), same, missed), "restarted");
    assert!(!mine.yields_to(&owner(2, None), !same, missed), "moved");
    let known = owner(1, Some("spiffe://x/a"));
    assert!(known.yields_to(&owner(2, Some("spiffe://x/a")), same, !missed));
    assert!(!known.yields_to(&owner(2, Some("spiffe://x/a")), !same, missed));
    assert!(!known.yields_to(&owner(2, Some("spiffe://x/b")), same, !missed));
    assert!(
        !mine.yields_to(&owner(2, None), same, !missed),
        "no identity is not one"
    );
}

#[test]
fn an_owner_does_not_yield_to_an_earlier_request_of_its_own() {
    let (service, id) = names();
    let owner = |secret, identity: Option<&str>, sequence| {
        let claim = claim(secret, secret).with_identity(identity.map(Arc::from));
        claim.with_sequence(sequence).owner(&service, &id)
    };
    let (same, missed) = (true, true);
    let it = Registration {
        service: service.clone(),
        id: id.clone(),
        address: "10.0.0.1:1".parse().unwrap(),
        weight: 1,
        zone: None,
        state: lookaside_core::BackendState::Serving,
    };
    let outdated = |mine: &Owner, other: &Owner, same_address| {
        let refusal = mine.outdates(other, &it, same_address);
        refusal.map(|refusal| refusal.to_string())
    };
    let stands = owner(1, None, Some(5));
    for (sequence, yields) in [(Some(4), false), (Some(5), true), (Some(6), true)] {
        let other = owner(1, None, sequence);
        for (same_address, missed) in [(same, missed), (!same, !missed)] {
            assert_eq!(stands.yields_to(&other, same_address, missed), yields);
            assert_eq!(outdated(&stands, &other, same_address).is_none(), yields);
        }
    }
    // Whoever says no sequence is as ever.
    assert!(stands.yields_to(&owner(1, None, None), !same, !missed));
    assert!(owner(1, None, None).yields_to(&owner(1, None, Some(0)), !same, !missed));

    // Restarted, with a clock that went back: until renewals are missed.
    let known = owner(1, Some("spiffe://x/a"), Some(5));
    let restarted = owner(2, Some("spiffe://x/a"), Some(4));
    assert!(!known.yields_to(&restarted, same, !missed));
    assert_eq!(
        outdated(&known, &restarted, same).as_deref(),
        Some(
            "backend a of service orders was registered by the same owner with sequence 5; \
             this request is an earlier one, with 4, and changes nothing"
        )
    );
    assert!(known.yields_to(&restarted, same, missed));
    let moved = outdated(&known, &restarted, !same);
    assert_eq!(moved, None, "its address is why");

    // The numbers of others mean nothing.
    let other = owner(2, None, Some(4));
    assert!(stands.yields_to(&other, same, missed));
    assert_eq!(outdated(&stands, &other, same), None);
}

#[test]
fn an_owners_next_claim_has_the_next_sequence() {
    let first = claim(1, 1).with_sequence(Some(7));
    let next = first.another().unwrap();
    assert_eq!(next.sequence(), Some(8));
    assert_eq!(claim(1, 1).another().unwrap().sequence(), None);
    let last = claim(1, 1).with_sequence(Some(u64::MAX));
    assert_eq!(last.another().unwrap().sequence(), Some(u64::MAX));
}

#[test]
fn a_secret_that_can_be_guessed_is_refused_and_none_is_made_up() {
    let error = Claim::received(&[1; 15], &[]).unwrap_err().to_string();
    assert!(
        error.contains("owner_secret") && error.contains("15"),
        "{error}"
    );
    let error = Claim::received(&[], &[1; 65]).unwrap_err().to_string();
    assert!(
        error.contains("request_id") && error.contains("65"),
        "{error}"
    );
    let made_up = Claim::received(&[], &[]).unwrap();
    assert_ne!(made_up, Claim::received(&[], &[]).unwrap());
    assert_eq!(format!("{made_up:?}"), "Claim { identity: None, .. }");
}
