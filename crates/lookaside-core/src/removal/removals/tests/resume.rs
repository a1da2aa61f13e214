//! A process that takes over the suspects of one before it.

use super::*;

/// Of eight backends the last four are registered, and `held` were suspects for 10 s.
fn resumed(held: &[&str]) -> Fixture {
    resumed_after(held, Duration::ZERO)
}

/// And of these 10 s, their holds stood still for so long.
fn resumed_after(held: &[&str], stood: Duration) -> Fixture {
    let mut fixture = Fixture::new();
    fixture.edit("orders", |backends| {
        for n in 4..8 {
            put(backends, &format!("b{n}"), 1000 + n);
        }
        for (n, id) in (1000..).zip(held) {
            put(backends, id, n);
        }
    });
    fixture.removals.resume([&name("orders")], fixture.now);
    fixture.remove("orders", held);
    let since = fixture.now - 10 * SECOND;
    for held in held {
        let (now, held) = (fixture.now, id(held));
        fixture
            .removals
            .held_since(&name("orders"), &held, (since, stood), now);
    }
    fixture
}

#[test]
fn those_who_were_suspects_are_asked_however_few_they_are() {
    let mut fixture = resumed(&["b0"]);
    assert!(!fixture.settled("orders"), "one of five is no mass removal");
    assert_eq!(fixture.answer(alive), ["b0"]);
    assert_eq!(fixture.suspects("orders"), ["b0"]);
    let kept = fixture.removals.suspects_of(&name("orders"));
    assert_eq!(kept[0].since, fixture.now - 10 * SECOND);
    let events = fixture.removals.take_events();
    let begins = |it: &RemovalEvent| matches!(it, RemovalEvent::Mass { .. });
    assert!(!events.iter().any(begins), "it is no new one: {events:?}");

    let mut fixture = resumed(&["b0", "b1"]);
    fixture.answer(refused);
    assert_eq!(fixture.believed("orders"), ["b4", "b5", "b6", "b7"]);
}

#[test]
fn those_who_were_suspects_are_held_for_what_is_left_of_their_time() {
    let mut fixture = resumed(&["b0", "b1"]);
    fixture.answer(alive);
    for _ in 0..19 {
        fixture.after(SECOND);
        fixture.answer(alive);
    }
    assert_eq!(fixture.suspects("orders"), ["b0", "b1"]);
    fixture.after(SECOND);
    assert_eq!(fixture.suspects("orders"), [""; 0]);
    assert_eq!(fixture.left(), [Why::HeldLongEnough, Why::HeldLongEnough]);
}

#[test]
fn time_that_did_not_count_before_does_not_count_now() {
    let mut fixture = resumed_after(&["b0"], 4 * SECOND);
    fixture.answer(alive);
    let kept = fixture.removals.suspects_of(&name("orders"));
    let since = fixture.now - 10 * SECOND;
    assert_eq!((kept[0].since, kept[0].stood), (since, 4 * SECOND));
    fixture.after(23 * SECOND);
    assert_eq!(fixture.suspects("orders"), ["b0"]);
    fixture.after(SECOND);
    assert_eq!(fixture.suspects("orders"), [""; 0]);
}

#[test]
fn a_process_that_begins_without_the_registry_holds_until_it_is_there() {
    let mut fixture = Fixture::new();
    fixture.removals.set_lost(true, fixture.now);
    fixture.after(SECOND);
    fixture.edit("orders", |backends| put(backends, "b0", 1000));
    fixture.removals.resume([&name("orders")], fixture.now);
    fixture.remove("orders", &["b0"]);
    let known = (fixture.now - 10 * SECOND, 3 * SECOND);
    fixture
        .removals
        .held_since(&name("orders"), &id("b0"), known, fixture.now);
    fixture.answer(alive);
    // Of the 10 s, 3 did not count before, and 1 does not count since this process began.
    let left = 24 * SECOND;
    assert_eq!(fixture.hold("orders"), Hold::Standing { left });
    fixture.after(60 * SECOND);
    fixture.removals.set_lost(false, fixture.now);
    let kept = fixture.removals.suspects_of(&name("orders"));
    assert_eq!(kept[0].stood, (3 + 1 + 60) * SECOND);
    assert_eq!(fixture.hold("orders"), Hold::Until(fixture.now + left));
}

#[test]
fn services_that_are_unknown_or_believe_everything_have_nothing_to_resume() {
    let mut fixture = Fixture::with(2);
    fixture.world.hold_down = Duration::ZERO;
    let unknown = name("unknown");
    fixture
        .removals
        .resume([&name("orders"), &unknown], fixture.now);
    fixture.remove("orders", &["b0"]);
    for service in [&name("orders"), &unknown] {
        let now = fixture.now;
        fixture
            .removals
            .held_since(service, &id("b0"), (now, Duration::ZERO), now);
        assert!(fixture.removals.suspects_of(service).is_empty());
    }
    assert_eq!(fixture.believed("orders"), ["b1"]);
}
