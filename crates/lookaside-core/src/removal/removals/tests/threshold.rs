//! When removals are believed and when not.

use super::*;

#[test]
fn a_removal_below_the_threshold_is_believed_at_once() {
    let mut fixture = Fixture::with(6);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    assert!(fixture.settled("orders"), "half is not more than half");
    assert_eq!(fixture.believed("orders"), ["b3", "b4", "b5"]);
    assert_eq!(fixture.answer(alive), [""; 0]);

    let mut fixture = Fixture::with(2);
    fixture.remove("orders", &["b0", "b1"]);
    assert!(fixture.settled("orders"), "two are too few");
    assert_eq!(fixture.believed("orders"), [""; 0]);
}

#[test]
fn of_a_mass_removal_those_that_answer_stay_and_the_others_go() {
    let mut fixture = Fixture::with(6);
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    assert!(!fixture.settled("orders"), "nothing is planned before");
    let even = |id: &str| match id {
        "b0" | "b2" => ProbeAnswer::Alive,
        "b1" => ProbeAnswer::Refused,
        _ => ProbeAnswer::Silent,
    };
    assert_eq!(fixture.answer(even), ["b0", "b1", "b2", "b3"]);
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), ["b0", "b2", "b4", "b5"]);
    assert_eq!(fixture.suspects("orders"), ["b0", "b2"]);
    assert_eq!(fixture.removals.suspects(), 2);
    assert!(fixture.removals.has_suspects(&name("orders")));
    assert_eq!(
        fixture.removals.take_changed(),
        [name("orders")].into(),
        "it is to be planned"
    );
    let events = fixture.removals.take_events();
    let orders = name("orders");
    assert!(events.contains(&RemovalEvent::Mass {
        service: orders.clone(),
        missing: 4,
        of: 6,
        everywhere: false
    }));
    assert!(events.contains(&RemovalEvent::Judged {
        service: orders,
        answer: 2,
        unproven: 0,
        gone: 2
    }));
}

#[test]
fn removals_that_trickle_are_counted_together_and_the_first_come_back() {
    let mut fixture = Fixture::with(6);
    for id in ["b0", "b1", "b2"] {
        fixture.remove("orders", &[id]);
        assert!(fixture.settled("orders"));
        fixture.after(SECOND / 2);
    }
    assert_eq!(fixture.believed("orders"), ["b3", "b4", "b5"]);
    fixture.remove("orders", &["b3"]);
    assert!(!fixture.settled("orders"));
    assert_eq!(fixture.answer(alive), ["b0", "b1", "b2", "b3"]);
    assert_eq!(fixture.believed("orders").len(), 6);
}

#[test]
fn removals_further_apart_than_the_window_are_not_counted_together() {
    let mut fixture = Fixture::with(10);
    for n in 0..9 {
        fixture.remove("orders", &[&format!("b{n}")]);
        assert!(fixture.settled("orders"), "{n}");
        fixture.after(SECOND + SECOND / 10);
    }
    assert_eq!(fixture.believed("orders"), ["b9"]);
}

#[test]
fn a_mass_removal_goes_on_while_more_vanish() {
    let mut fixture = Fixture::with(9);
    fixture.remove("orders", &["b0", "b1", "b2", "b3", "b4"]);
    fixture.answer(alive);
    for id in ["b5", "b6"] {
        fixture.after(2 * SECOND);
        fixture.remove("orders", &[id]);
        assert!(!fixture.settled("orders"), "{id}");
        assert!(fixture.answer(alive).contains(&id.to_owned()));
    }
    assert_eq!(fixture.believed("orders").len(), 9);
    fixture.after(2 * SECOND + SECOND / 10);
    fixture.remove("orders", &["b7"]);
    assert!(fixture.settled("orders"), "it is over");
    assert_eq!(fixture.believed("orders").len(), 8);
}

#[test]
fn a_mass_removal_goes_on_no_longer_than_a_suspect_is_held() {
    let mut fixture = Fixture::with(100);
    let first: Vec<String> = (0..60).map(|n| format!("b{n}")).collect();
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    fixture.remove("orders", &first);
    fixture.answer(refused);
    let mut believed_at = None;
    for n in 60..99 {
        fixture.after(SECOND);
        fixture.remove("orders", &[&format!("b{n}")]);
        if fixture.settled("orders") {
            believed_at.get_or_insert(n);
        }
        fixture.answer(refused);
    }
    assert_eq!(believed_at, Some(60 + 29), "30 s after it began");
}

#[test]
fn who_announced_a_drain_or_weighed_nothing_is_never_missing() {
    for leaves in [
        |n: u16| backend(&format!("b{n}"), 1000 + n, BackendState::Draining, 1),
        |n: u16| backend(&format!("b{n}"), 1000 + n, BackendState::Serving, 0),
    ] {
        let mut fixture = Fixture::with(6);
        fixture.edit("orders", |backends| {
            for n in 0..6 {
                backends.insert(id(&format!("b{n}")), leaves(n));
            }
        });
        fixture.remove("orders", &["b0", "b1", "b2", "b3", "b4", "b5"]);
        assert!(fixture.settled("orders"));
        assert_eq!(fixture.believed("orders"), [""; 0]);
    }
}

#[test]
fn who_drains_is_no_part_of_what_is_left() {
    let mut fixture = Fixture::with(8);
    fixture.edit("orders", |backends| {
        for n in 0..3 {
            let new = backend(&format!("b{n}"), 1000 + n, BackendState::Draining, 1);
            backends.insert(id(&format!("b{n}")), new);
        }
    });
    fixture.remove("orders", &["b5", "b6", "b7"]);
    assert!(!fixture.settled("orders"), "three of five");
}

#[test]
fn newcomers_do_not_outweigh_the_missing() {
    let mut fixture = Fixture::with(4);
    fixture.edit("orders", |backends| {
        for n in 0..4 {
            put(backends, &format!("new{n}"), 2000 + n);
        }
    });
    fixture.after(SECOND);
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    assert!(!fixture.settled("orders"), "four of the four of the start");
    fixture.answer(refused);
    assert_eq!(fixture.believed("orders"), ["new0", "new1", "new2", "new3"]);
}

#[test]
fn without_hold_down_every_removal_is_believed() {
    let mut fixture = Fixture::with(4);
    fixture.world.hold_down = Duration::ZERO;
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), [""; 0]);
}

#[test]
fn a_registry_that_loses_everything_is_not_believed_of_small_services() {
    let mut fixture = Fixture::new();
    for (index, service) in ["a", "b", "c", "d"].into_iter().enumerate() {
        fixture.edit(service, |backends| put(backends, "x", 1000 + index as u16));
    }
    fixture.after(60 * SECOND);
    for service in ["a", "b", "c"] {
        fixture.registered.get_mut(&name(service)).unwrap().clear();
    }
    fixture.observe(&["a", "b", "c"]);
    for service in ["a", "b", "c"] {
        assert!(!fixture.settled(service), "{service}");
    }
    fixture.answer(alive);
    assert_eq!(fixture.believed("b"), ["x"]);
    let everywhere = |event: &RemovalEvent| {
        matches!(
            event,
            RemovalEvent::Mass {
                everywhere: true,
                missing: 3,
                of: 4,
                ..
            }
        )
    };
    let events = fixture.removals.take_events();
    assert_eq!(events.iter().filter(|it| everywhere(it)).count(), 3);
}

#[test]
fn the_first_state_is_believed() {
    let mut fixture = Fixture::new();
    fixture.edit("orders", |backends| {
        for n in 0..4 {
            put(backends, &format!("b{n}"), 1000 + n);
        }
    });
    assert!(fixture.settled("orders"));
    fixture.edit("orders", BTreeMap::clear);
    assert!(
        !fixture.settled("orders"),
        "they have been there since ever"
    );
}

#[test]
fn whom_an_operator_took_out_of_the_list_is_never_missing() {
    let mut fixture = Fixture::with(4);
    fixture.edit("orders", |backends| put(backends, "drained", 2000));
    fixture.after(60 * SECOND);
    fixture.remove("orders", &["b0", "b1", "drained"]);
    assert!(fixture.settled("orders"), "two are too few");
}
