//! Whose address is whose.

use super::*;

#[test]
fn whoever_registers_again_under_its_id_or_another_is_no_suspect() {
    let mut fixture = Fixture::with(4);
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    fixture.edit("orders", |backends| put(backends, "b0", 1000));
    assert!(!fixture.settled("orders"), "three have not been asked");
    fixture.answer(alive);
    fixture.edit("orders", |backends| put(backends, "other", 1001));
    assert_eq!(fixture.believed("orders"), ["b0", "b2", "b3", "other"]);
    assert_eq!(fixture.suspects("orders"), ["b2", "b3"]);
    assert_eq!(fixture.left(), [Why::Returned, Why::Returned]);
}

#[test]
fn an_id_that_moves_or_an_address_that_stays_is_not_missing() {
    let mut fixture = Fixture::with(4);
    fixture.edit("orders", |backends| {
        for n in 0..4 {
            put(backends, &format!("b{n}"), 2000 + n);
        }
    });
    assert!(fixture.settled("orders"));
    // All ids change in one revision, and the places stay.
    fixture.edit("orders", |backends| {
        backends.clear();
        for n in 0..4 {
            put(backends, &format!("c{n}"), 2000 + n);
        }
    });
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), ["c0", "c1", "c2", "c3"]);
    // Or the new ids come first.
    fixture.edit("orders", |backends| {
        for n in 0..4 {
            put(backends, &format!("d{n}"), 2000 + n);
        }
    });
    fixture.remove("orders", &["c0", "c1", "c2", "c3"]);
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), ["d0", "d1", "d2", "d3"]);
}

#[test]
fn a_suspect_whose_address_turns_up_elsewhere_leaves() {
    let mut fixture = Fixture::with(4);
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    fixture.answer(alive);
    fixture.edit("users", |backends| put(backends, "u", 1002));
    assert_eq!(fixture.suspects("orders"), ["b0", "b1", "b3"]);
    assert!(fixture.removals.take_changed().contains(&name("orders")));
    assert_eq!(fixture.left(), [Why::Elsewhere(name("users"))]);
}

#[test]
fn the_last_address_that_turns_up_elsewhere_ends_the_wait() {
    let mut fixture = Fixture::with(3);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    assert!(!fixture.settled("orders"));
    fixture.edit("users", |backends| {
        for n in 0..3 {
            put(backends, &format!("u{n}"), 1000 + n);
        }
    });
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), [""; 0]);
}

#[test]
fn a_service_that_is_renamed_in_one_revision_is_believed() {
    let mut fixture = Fixture::with(4);
    let backends = std::mem::take(fixture.registered.get_mut(&name("orders")).unwrap());
    fixture.registered.insert(name("orders-2"), backends);
    fixture.observe(&["orders", "orders-2"]);
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), [""; 0]);
    assert_eq!(fixture.believed("orders-2").len(), 4);
}

#[test]
fn a_process_that_serves_two_services_may_return_to_one_first() {
    let mut fixture = Fixture::with(4);
    fixture.edit("users", |backends| {
        for n in 0..4 {
            put(backends, &format!("u{n}"), 1000 + n);
        }
    });
    fixture.after(60 * SECOND);
    for service in ["orders", "users"] {
        fixture.registered.get_mut(&name(service)).unwrap().clear();
    }
    fixture.observe(&["orders", "users"]);
    fixture.answer(alive);
    fixture.edit("users", |backends| put(backends, "u0", 1000));
    assert_eq!(fixture.suspects("orders").len(), 4);
    assert_eq!(fixture.suspects("users").len(), 3);

    // And so if one of the two leases runs out earlier.
    let mut fixture = Fixture::with(4);
    fixture.edit("users", |backends| {
        for n in 0..4 {
            put(backends, &format!("u{n}"), 1000 + n);
        }
    });
    fixture.after(60 * SECOND);
    fixture.remove("users", &["u0", "u1", "u2", "u3"]);
    fixture.answer(alive);
    fixture.after(5 * SECOND);
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    fixture.answer(alive);
    fixture.edit("users", |backends| put(backends, "u0", 1000));
    assert_eq!(fixture.suspects("orders").len(), 4);
}
