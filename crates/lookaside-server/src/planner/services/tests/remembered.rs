//! A balancer that starts while the one before it held suspects.

use lookaside_core::{Hold, Host, HostPort, ProbeAnswer};
use lookaside_registry::{LastKnown, LastSuspect};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// What a process knows that is ended now: as it is kept.
fn kept(before: &Fixture) -> LastKnown {
    let judged = before.services.judged();
    let mut state = before.state.clone();
    state.backends = judged.backends.clone();
    state.freshness = Freshness::Synced {
        as_of: before.now().timer,
    };
    let now = before.now();
    let last = |it: &lookaside_core::Suspect| LastSuspect {
        backend: Arc::clone(&it.backend),
        addresses: it.addresses.to_vec(),
        since: now.clock - (now.timer.into_std() - it.since),
        stood: it.stood,
    };
    let services = judged.suspects.iter();
    LastKnown {
        state: Arc::new(state),
        suspects: services
            .map(|(name, them)| (name.clone(), them.iter().map(last).collect()))
            .collect(),
    }
}

/// A process that begins `pause` after `before`, with the same registry.
fn restarted(before: &Fixture, pause: Duration) -> Fixture {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.start = before.start;
    fixture.at = before.at + pause;
    fixture.state = before.state.clone();
    fixture.services.remember(&kept(before), fixture.now());
    fixture
        .services
        .observe(&fixture.state.clone(), fixture.now());
    fixture
}

/// With six backends of which the first five have vanished and answered.
fn holding() -> Fixture {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1, 2, 3, 4, 5, 6])));
    fixture.wait(60 * SECOND);
    fixture.set("orders", Some(service(&[6])));
    fixture.ask(ProbeAnswer::Alive);
    fixture
}

impl Fixture {
    fn wait(&mut self, time: Duration) {
        self.after(time);
        self.services.look(self.now());
    }

    fn ask(&mut self, answer: ProbeAnswer) -> usize {
        let mut asked = 0;
        while let Some((probe, _)) = self.services.next_probe(self.now()) {
            self.services.probed(probe.ticket, answer, self.now());
            asked += 1;
        }
        asked
    }
}

#[test]
fn those_that_are_held_are_held_by_the_next_process_for_what_is_left_of_their_time() {
    let mut before = holding();
    before.wait(10 * SECOND);
    let mut fixture = restarted(&before, 5 * SECOND);
    assert!(fixture.services.asks());
    assert!(fixture.published("orders").is_none(), "nothing is said yet");
    assert_eq!(fixture.ask(ProbeAnswer::Alive), 5);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 6);
    let suspects = fixture.published("orders").unwrap().suspects.clone();
    let Hold::Until(until) = suspects[0].hold else {
        panic!("{suspects:?}");
    };
    let left = until - fixture.now().timer.into_std();
    assert!(left <= 15 * SECOND && left > 14 * SECOND, "{left:?}");
    // And by the one after that.
    let mut third = restarted(&fixture, SECOND);
    assert_eq!(third.ask(ProbeAnswer::Alive), 5);
    third.after(QUIET);
    assert_eq!(third.slots("orders"), 6);
    third.wait(15 * SECOND);
    third.after(QUIET);
    assert_eq!(third.slots("orders"), 1);
}

#[test]
fn those_that_are_held_are_held_though_the_service_has_more_that_are_registered() {
    let mut before = holding();
    before.set("orders", Some(service(&[3, 4, 5, 6, 7, 8, 9])));
    assert_eq!(before.services.judged().suspects["orders"].len(), 2);
    let mut fixture = restarted(&before, SECOND);
    assert_eq!(fixture.ask(ProbeAnswer::Alive), 2, "two of nine");
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 9);
}

#[test]
fn those_that_died_meanwhile_go_and_those_that_came_back_are_nothing_special() {
    let before = holding();
    let mut fixture = restarted(&before, SECOND);
    assert_eq!(fixture.ask(ProbeAnswer::Refused), 5);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 1);

    let mut back = holding();
    back.state.backends = {
        let mut snapshot = (**back.state.backends.as_ref().unwrap()).clone();
        snapshot
            .services
            .insert(name("orders"), service(&[1, 2, 3, 4, 5, 6]));
        Some(Arc::new(snapshot))
    };
    let mut fixture = restarted(&back, SECOND);
    assert_eq!(fixture.ask(ProbeAnswer::Alive), 0);
    assert_eq!(fixture.slots("orders"), 6);
    assert!(fixture.services.judged().suspects.is_empty());
}

#[test]
fn those_whose_time_is_over_meanwhile_are_not_asked() {
    let before = holding();
    let mut fixture = restarted(&before, 30 * SECOND);
    assert_eq!(fixture.ask(ProbeAnswer::Alive), 0);
    assert_eq!(fixture.slots("orders"), 1);
}

#[test]
fn those_that_are_held_are_held_while_the_saved_state_stands_in_for_the_registry() {
    let before = holding();
    let known = kept(&before);
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    (fixture.start, fixture.at) = (before.start, before.at + SECOND);
    fixture.services.remember(&known, fixture.now());
    fixture.services.observe(&known.state, fixture.now());
    assert_eq!(fixture.ask(ProbeAnswer::Alive), 5);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 6);
}

#[test]
fn time_without_the_registry_does_not_count_over_a_restart() {
    let mut before = holding();
    before.wait(10 * SECOND);
    // It is lost and back, which is kept, and lost for good.
    before.set_lost(true);
    before.wait(100 * SECOND);
    before.set_lost(false);
    before.wait(10 * SECOND);
    before.set_lost(true);
    let mut known = kept(&before);
    known.state = Arc::new(before.state.clone());
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    (fixture.start, fixture.at) = (before.start, before.at + 300 * SECOND);
    fixture.services.remember(&known, fixture.now());
    fixture.state = before.state;
    fixture
        .services
        .observe(&fixture.state.clone(), fixture.now());
    assert_eq!(fixture.ask(ProbeAnswer::Alive), 5);
    fixture.wait(100 * SECOND);
    assert_eq!(fixture.slots("orders"), 6);
    fixture.set_lost(false);
    fixture.wait(9 * SECOND);
    assert_eq!(fixture.slots("orders"), 6);
    fixture.wait(SECOND);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 1);
}

#[test]
fn those_that_are_held_by_a_host_name_keep_its_addresses() {
    let mut known = kept(&holding());
    let address = SocketAddr::from(([10, 0, 0, 9], 50051));
    for suspect in known.suspects.get_mut("orders").unwrap() {
        let host = Host::Name("host.example".into());
        Arc::make_mut(&mut suspect.backend).address =
            HostPort::new(host, suspect.addresses[0].port());
        suspect.addresses = vec![address];
    }
    let before = holding();
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    (fixture.start, fixture.at) = (before.start, before.at + SECOND);
    fixture.state = before.state;
    fixture.services.remember(&known, fixture.now());
    fixture
        .services
        .observe(&fixture.state.clone(), fixture.now());
    assert_eq!(fixture.ask(ProbeAnswer::Alive), 5);
    fixture.after(QUIET);
    let published = fixture.published("orders").unwrap();
    assert_eq!(*published.suspects[0].addresses, [address]);
    assert!(published.backends.iter().any(|(_, at)| at[..] == [address]));
}

#[test]
fn what_is_kept_changes_with_every_state_and_not_without() {
    let mut fixture = holding();
    let held = Arc::clone(fixture.services.judged());
    assert_eq!(held.suspects["orders"].len(), 5);
    assert!(Arc::ptr_eq(
        held.backends.as_ref().unwrap(),
        fixture.state.backends.as_ref().unwrap()
    ));
    fixture
        .services
        .observe(&fixture.state.clone(), fixture.now());
    assert!(Arc::ptr_eq(&held, fixture.services.judged()));
    fixture.set("orders", Some(service(&[1, 2, 3, 4, 5, 6])));
    assert!(fixture.services.judged().suspects.is_empty());
}
