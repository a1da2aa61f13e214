//! The registry goes away while suspects are held.

use super::*;

/// With three suspects that have answered, `held` ago.
fn holding(held: Duration) -> Fixture {
    let mut fixture = Fixture::with(3);
    fixture.remove("orders", &["b0", "b1", "b2"]);
    fixture.answer(alive);
    fixture.after(held);
    fixture.removals.take_changed();
    fixture
}

impl Fixture {
    fn lose(&mut self) {
        self.removals.set_lost(true, self.now);
    }

    fn find(&mut self) {
        self.removals.set_lost(false, self.now);
    }
}

#[test]
fn nobody_who_answers_leaves_while_the_registry_is_lost_and_holds_go_on_when_it_is_back() {
    let mut fixture = holding(20 * SECOND);
    let since = fixture.now - 20 * SECOND;
    fixture.lose();
    let left = 10 * SECOND;
    assert_eq!(fixture.hold("orders"), Hold::Standing { left });
    assert_eq!(fixture.removals.next_due(), None, "nothing is up to time");
    for _ in 0..600 {
        fixture.after(SECOND);
        assert_eq!(fixture.answer(alive).len(), 3, "they are asked on");
    }
    assert_eq!(fixture.suspects("orders").len(), 3);
    fixture.find();
    assert_eq!(fixture.hold("orders"), Hold::Until(fixture.now + left));
    let kept = fixture.removals.suspects_of(&name("orders"));
    assert_eq!((kept[0].since, kept[0].stood), (since, 600 * SECOND));
    let due = fixture.removals.next_due();
    assert_eq!(due, Some(fixture.now + left));
    fixture.after(left - Duration::from_millis(1));
    assert_eq!(fixture.suspects("orders").len(), 3);
    fixture.after(Duration::from_millis(1));
    assert_eq!(fixture.suspects("orders"), [""; 0]);
    assert_eq!(fixture.left(), vec![Why::HeldLongEnough; 3]);
}

#[test]
fn a_registry_that_is_lost_again_and_again_adds_up() {
    let mut fixture = holding(Duration::ZERO);
    for _ in 0..29 {
        fixture.lose();
        fixture.after(7 * SECOND);
        fixture.find();
        fixture.after(SECOND);
    }
    assert_eq!(fixture.suspects("orders").len(), 3);
    fixture.lose();
    fixture.after(7 * SECOND);
    assert_eq!(fixture.suspects("orders").len(), 3);
    fixture.find();
    fixture.after(SECOND);
    assert_eq!(fixture.suspects("orders"), [""; 0]);
}

#[test]
fn who_stops_answering_leaves_though_the_registry_is_lost() {
    let mut fixture = holding(SECOND);
    fixture.lose();
    fixture.after(60 * SECOND);
    fixture.answer(|id| match id {
        "b0" => ProbeAnswer::Refused,
        _ => ProbeAnswer::Alive,
    });
    assert_eq!(fixture.suspects("orders"), ["b1", "b2"]);
    assert_eq!(fixture.left(), [Why::Silent]);
}

#[test]
fn a_service_whose_last_suspect_stops_answering_then_is_forgotten() {
    let mut fixture = holding(SECOND);
    fixture.after(10 * SECOND);
    assert_eq!(fixture.answer(alive).len(), 3);
    fixture.lose();
    fixture.after(10 * SECOND);
    fixture.answer(refused);
    fixture.find();
    fixture.after(60 * SECOND);
    assert!(!fixture.removals.knows(&name("orders")));
    assert_eq!(fixture.removals.next_due(), None);
}

#[test]
fn who_vanished_while_the_registry_was_lost_has_the_whole_time() {
    let mut fixture = holding(10 * SECOND);
    fixture.edit("users", |backends| {
        for n in 0..3 {
            put(backends, &format!("u{n}"), 2500 + n);
        }
    });
    fixture.lose();
    fixture.after(60 * SECOND);
    // Back, and other leases have run out.
    fixture.find();
    fixture.edit("users", BTreeMap::clear);
    fixture.answer(alive);
    let whole = Hold::Until(fixture.now + HOLD_DOWN);
    assert_eq!(fixture.hold("users"), whole);
    let rest = Hold::Until(fixture.now + 20 * SECOND);
    assert_eq!(fixture.hold("orders"), rest);
    fixture.after(20 * SECOND);
    assert_eq!(fixture.suspects("orders"), [""; 0]);
    assert_eq!(fixture.suspects("users").len(), 3);
}

#[test]
fn who_is_found_registered_when_the_registry_is_back_stays_though_no_time_was_left() {
    let mut fixture = holding(30 * SECOND - Duration::from_millis(1));
    fixture.now += Duration::from_millis(1);
    fixture.lose();
    fixture.after(SECOND);
    let left = Duration::ZERO;
    assert_eq!(fixture.hold("orders"), Hold::Standing { left });
    fixture.find();
    fixture.edit("orders", |backends| put(backends, "b1", 1001));
    fixture.after(Duration::ZERO);
    assert_eq!(fixture.believed("orders"), ["b1"]);
    let long_enough = Why::HeldLongEnough;
    assert_eq!(
        fixture.left(),
        [Why::Returned, long_enough.clone(), long_enough]
    );
}

#[test]
fn a_shorter_hold_down_that_is_over_takes_effect_when_the_registry_is_back() {
    let mut fixture = holding(10 * SECOND);
    fixture.lose();
    let orders = name("orders");
    fixture.removals.set_hold_down(&orders, SECOND, fixture.now);
    assert_eq!(fixture.suspects("orders").len(), 3);
    fixture.find();
    fixture.after(Duration::ZERO);
    assert_eq!(fixture.suspects("orders"), [""; 0]);

    let mut fixture = holding(10 * SECOND);
    fixture.lose();
    let now = fixture.now;
    fixture.removals.set_hold_down(&orders, Duration::ZERO, now);
    assert_eq!(fixture.left(), vec![Why::Off; 3]);
}

#[test]
fn what_people_are_told_of_suspects_changes_and_nothing_else() {
    let mut fixture = holding(SECOND);
    fixture.edit("users", |backends| put(backends, "u", 2500));
    fixture.lose();
    let changed: Vec<_> = fixture.removals.take_changed().into_iter().collect();
    assert_eq!(changed, [name("orders")]);
    fixture.lose();
    assert!(fixture.removals.take_changed().is_empty(), "it is no news");
    fixture.find();
    assert_eq!(fixture.removals.take_changed().len(), 1);
    fixture.find();
    assert!(fixture.removals.take_changed().is_empty());
}
