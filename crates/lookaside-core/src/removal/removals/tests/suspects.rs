//! Who is asked, and what becomes of suspects.

use super::*;

#[test]
fn a_suspect_is_asked_every_second_and_leaves_when_it_stops_answering() {
    let mut fixture = Fixture::with(3);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    fixture.answer(alive);
    assert_eq!(
        fixture.answer(alive),
        [""; 0],
        "not before a second is over"
    );
    let due = fixture.removals.next_probe_at(fixture.now).unwrap();
    assert_eq!(due, fixture.now + SECOND);
    fixture.after(SECOND);
    let some = |id: &str| match id {
        "b0" => ProbeAnswer::Refused,
        "b1" => ProbeAnswer::Silent,
        _ => ProbeAnswer::Alive,
    };
    assert_eq!(fixture.answer(some).len(), 3);
    assert_eq!(fixture.suspects("orders"), ["b1", "b2"]);
    fixture.after(SECOND);
    assert_eq!(fixture.answer(some).len(), 2);
    assert_eq!(fixture.suspects("orders"), ["b2"], "silent twice");
    assert_eq!(fixture.left(), [Why::Silent, Why::Silent]);
}

#[test]
fn a_suspect_that_is_silent_now_and_then_stays() {
    let mut fixture = Fixture::with(3);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    fixture.answer(alive);
    for n in 0..20 {
        fixture.after(SECOND);
        let answered = fixture.answer(if n % 2 == 0 { silent } else { alive });
        assert_eq!(answered.len(), 3);
    }
    assert_eq!(fixture.suspects("orders").len(), 3);
}

#[test]
fn a_suspect_goes_after_hold_down_though_it_answers() {
    let mut fixture = Fixture::with(3);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    fixture.answer(alive);
    for _ in 0..29 {
        fixture.after(SECOND);
        fixture.answer(alive);
    }
    assert_eq!(fixture.suspects("orders").len(), 3);
    fixture.after(SECOND);
    assert_eq!(fixture.suspects("orders"), [""; 0]);
    assert_eq!(fixture.left(), vec![Why::HeldLongEnough; 3]);
    assert_eq!(fixture.answer(alive), [""; 0]);
    assert_eq!(fixture.removals.next_due(), None, "nothing is left of it");
    assert!(fixture.removals.guards.is_empty());
}

#[test]
fn hold_down_can_be_changed_while_suspects_are_held() {
    for (hold_down, left) in [(Duration::ZERO, Why::Off), (SECOND, Why::HeldLongEnough)] {
        let mut fixture = Fixture::with(4);
        fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
        fixture.after(2 * SECOND);
        fixture
            .removals
            .set_hold_down(&name("orders"), hold_down, fixture.now);
        assert_eq!(fixture.suspects("orders"), [""; 0]);
        assert!(fixture.settled("orders"));
        assert_eq!(
            fixture.left(),
            [left.clone(), left.clone(), left.clone(), left]
        );
    }
}

#[test]
fn a_plan_waits_for_a_bounded_time_and_keeps_whom_it_could_not_ask() {
    let mut fixture = Fixture::with(1000);
    fixture.edit("orders", BTreeMap::clear);
    for _ in 0..256 {
        let probe = fixture.removals.next_probe(fixture.now).unwrap();
        fixture
            .removals
            .probed(probe.ticket, ProbeAnswer::Silent, fixture.now);
    }
    fixture.after(2 * SECOND);
    assert!(!fixture.settled("orders"));
    fixture.after(SECOND);
    assert!(fixture.settled("orders"));
    let belief = fixture.removals.belief(&name("orders"));
    assert_eq!(belief.suspects.len(), 1000 - 256);
    assert!(belief.suspects.iter().all(|it| !it.answered));
    fixture.removals.take_changed();
    assert_eq!(fixture.answer(refused).len(), 1000 - 256);
    assert_eq!(fixture.believed("orders"), [""; 0]);
    assert!(!fixture.removals.take_changed().is_empty());
}

#[test]
fn a_small_service_is_asked_beside_a_large_one() {
    let mut fixture = Fixture::with(1000);
    fixture.edit("users", |backends| {
        for n in 0..3 {
            put(backends, &format!("u{n}"), 2500 + n);
        }
    });
    fixture.after(60 * SECOND);
    fixture.edit("orders", BTreeMap::clear);
    for _ in 0..100 {
        fixture.removals.next_probe(fixture.now).unwrap();
    }
    fixture.edit("users", BTreeMap::clear);
    let next: Vec<String> = (0..6)
        .map(|_| fixture.removals.next_probe(fixture.now).unwrap())
        .map(|probe| probe.service.to_string())
        .collect();
    let users = next.iter().filter(|it| *it == "users").count();
    assert_eq!(users, 3, "{next:?}");
}

#[test]
fn who_never_had_an_address_cannot_answer() {
    let mut fixture = Fixture::with(4);
    fixture.world.unresolved = true;
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), [""; 0]);
}

#[test]
fn whom_the_balancer_could_not_ask_is_asked_again() {
    let mut fixture = Fixture::with(3);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    fixture.answer(|_| ProbeAnswer::Unasked);
    assert!(!fixture.settled("orders"));
    fixture.after(SECOND);
    assert_eq!(fixture.answer(alive).len(), 3);
    assert!(fixture.settled("orders"));
    fixture.after(SECOND);
    fixture.answer(|_| ProbeAnswer::Unasked);
    assert_eq!(fixture.suspects("orders").len(), 3);
}

#[test]
fn a_late_answer_is_no_matter() {
    let mut fixture = Fixture::with(3);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    let probe = fixture.removals.next_probe(fixture.now).unwrap();
    assert_eq!(probe.backend.id, id("b0"));
    fixture.edit("orders", |backends| put(backends, "b0", 1000));
    fixture.answer(alive);
    // It vanishes once more, and now is asked anew.
    fixture.remove("orders", &["b0"]);
    fixture
        .removals
        .probed(probe.ticket, ProbeAnswer::Refused, fixture.now);
    assert!(!fixture.settled("orders"));
    assert_eq!(fixture.answer(alive), ["b0"]);
    assert_eq!(fixture.believed("orders").len(), 3);
}

#[test]
fn who_returns_and_vanishes_again_is_asked_no_more_often_than_others() {
    let mut fixture = Fixture::with(3);
    let half = SECOND / 2;
    fixture.remove("orders", &["b0", "b1", "b2"]);
    fixture.answer(alive);
    fixture.after(half);
    // One that is to be asked again, and that is to be asked for the first time.
    for _ in 0..2 {
        fixture.edit("orders", |backends| put(backends, "b0", 1000));
        fixture.remove("orders", &["b0"]);
    }
    assert_eq!(fixture.answer(alive), ["b0"]);
    let mut asked = Vec::new();
    for _ in 0..4 {
        fixture.after(half);
        asked.push(fixture.answer(alive).join(" "));
    }
    assert_eq!(asked, ["b1 b2", "b0", "b1 b2", "b0"]);
    for left in [3, 3, 1] {
        fixture.after(half);
        fixture.answer(silent);
        assert_eq!(fixture.suspects("orders").len(), left);
    }
    assert_eq!(fixture.suspects("orders"), ["b0"], "silent once");
    assert_eq!(fixture.removals.probes.waiting(), 1);
}

#[test]
fn many_suspects_are_asked_less_often() {
    let mut fixture = Fixture::with(5000);
    fixture.edit("orders", BTreeMap::clear);
    assert_eq!(fixture.answer(alive).len(), 5000);
    fixture.after(2 * SECOND);
    assert_eq!(fixture.answer(alive).len(), 0);
    fixture.after(SECOND);
    assert_eq!(fixture.answer(alive).len(), 5000);
}
