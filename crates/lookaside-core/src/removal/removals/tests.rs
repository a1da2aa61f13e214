mod histories;
mod model;

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::{Backend, BackendState};

const SECOND: Duration = Duration::from_secs(1);
const HOLD_DOWN: Duration = Duration::from_secs(30);

/// A registry that a test writes to, and the removals that follow it.
struct Fixture {
    removals: Removals,
    registered: BTreeMap<ServiceName, BTreeMap<BackendId, Arc<Backend>>>,
    world: World,
    now: Instant,
}

struct World {
    hold_down: Duration,
    unresolved: bool,
}

impl Surroundings for World {
    fn hold_down(&self, _: &ServiceName) -> Duration {
        self.hold_down
    }

    fn addresses(&self, _: &ServiceName, backend: &Backend) -> Arc<[SocketAddr]> {
        if self.unresolved {
            return Arc::default();
        }
        backend.address.socket_addr().into_iter().collect()
    }
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn id(text: &str) -> BackendId {
    BackendId::new(text).unwrap()
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn backend(id_text: &str, port: u16, state: BackendState, weight: u32) -> Arc<Backend> {
    Arc::new(Backend {
        id: id(id_text),
        address: address(port).into(),
        weight,
        zone: None,
        state,
        key: "k".into(),
        revision: 1,
    })
}

impl Fixture {
    fn new() -> Self {
        Self {
            removals: Removals::new(MassRemoval::default()),
            registered: BTreeMap::new(),
            world: World {
                hold_down: HOLD_DOWN,
                unresolved: false,
            },
            now: Instant::now(),
        }
    }

    /// With `n` backends of `orders`, `b0` at port 1000 and so on, for a minute.
    fn with(n: u16) -> Self {
        let mut fixture = Self::new();
        fixture.edit("orders", |backends| {
            for n in 0..n {
                put(backends, &format!("b{n}"), 1000 + n);
            }
        });
        fixture.after(60 * SECOND);
        fixture
    }

    /// One revision of one service.
    fn edit(&mut self, service: &str, edit: impl FnOnce(&mut BTreeMap<BackendId, Arc<Backend>>)) {
        let backends = self.registered.entry(name(service)).or_default();
        edit(backends);
        self.observe(&[service]);
    }

    fn observe(&mut self, services: &[&str]) {
        let changes = services.iter().map(|service| {
            let backends = &self.registered[&name(service)];
            let state = (!backends.is_empty()).then(|| {
                Arc::new(Service {
                    backends: backends.values().cloned().collect(),
                    problems: Vec::new(),
                })
            });
            (name(service), state)
        });
        self.removals
            .observe(changes.collect::<Vec<_>>(), &self.world, self.now);
    }

    fn remove(&mut self, service: &str, ids: &[&str]) {
        self.edit(service, |backends| {
            backends.retain(|it, _| !ids.contains(&it.as_str()));
        });
    }

    fn after(&mut self, time: Duration) {
        self.now += time;
        self.removals.pass(self.now);
    }

    /// Answers all probes that are due; gives who was asked.
    fn answer(&mut self, answer: impl Fn(&str) -> ProbeAnswer) -> Vec<String> {
        let mut asked = Vec::new();
        while let Some(probe) = self.removals.next_probe(self.now) {
            let id = probe.backend.id.to_string();
            self.removals.probed(probe.ticket, answer(&id), self.now);
            asked.push(id);
        }
        asked
    }

    fn settled(&self, service: &str) -> bool {
        self.removals.belief(&name(service)).settled
    }

    fn believed(&self, service: &str) -> Vec<String> {
        let belief = self.removals.belief(&name(service));
        let backends = belief.service.backends.iter();
        backends.map(|it| it.id.to_string()).collect()
    }

    fn suspects(&self, service: &str) -> Vec<String> {
        let belief = self.removals.belief(&name(service));
        let suspects = belief.suspects.iter();
        suspects.map(|it| it.backend.id.to_string()).collect()
    }

    /// Why suspects have left since this was asked last.
    fn left(&mut self) -> Vec<Why> {
        let events = self.removals.take_events().into_iter();
        let left = |event| match event {
            RemovalEvent::Left { why, .. } => Some(why),
            _ => None,
        };
        events.filter_map(left).collect()
    }
}

fn put(backends: &mut BTreeMap<BackendId, Arc<Backend>>, id_text: &str, port: u16) {
    let new = backend(id_text, port, BackendState::Serving, 1);
    backends.insert(id(id_text), new);
}

fn alive(_: &str) -> ProbeAnswer {
    ProbeAnswer::Alive
}

fn refused(_: &str) -> ProbeAnswer {
    ProbeAnswer::Refused
}

fn silent(_: &str) -> ProbeAnswer {
    ProbeAnswer::Silent
}

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
fn without_hold_down_every_removal_is_believed() {
    let mut fixture = Fixture::with(4);
    fixture.world.hold_down = Duration::ZERO;
    fixture.remove("orders", &["b0", "b1", "b2", "b3"]);
    assert!(fixture.settled("orders"));
    assert_eq!(fixture.believed("orders"), [""; 0]);
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
fn many_suspects_are_asked_less_often() {
    let mut fixture = Fixture::with(5000);
    fixture.edit("orders", BTreeMap::clear);
    assert_eq!(fixture.answer(alive).len(), 5000);
    fixture.after(2 * SECOND);
    assert_eq!(fixture.answer(alive).len(), 0);
    fixture.after(SECOND);
    assert_eq!(fixture.answer(alive).len(), 5000);
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
