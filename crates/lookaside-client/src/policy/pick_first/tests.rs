use super::{super::testing::*, *};
use crate::{PolicyConfig, PolicyOptions, ResolveError};

const IDLE: ConnectivityState = ConnectivityState::Idle;
const CONNECTING: ConnectivityState = ConnectivityState::Connecting;
const READY: ConnectivityState = ConnectivityState::Ready;
const FAILED: ConnectivityState = ConnectivityState::TransientFailure;

fn with(ns: impl IntoIterator<Item = u8>) -> (PickFirstPolicy, FakeController) {
    let mut policy = PickFirstPolicy::new(
        PickFirst::new(),
        PolicyOptions::new(WorkScheduler::default(), 1),
    );
    let mut control = FakeController::new();
    policy.resolver_update(&addresses(ns), &mut control);
    (policy, control)
}

#[test]
fn addresses_are_tried_in_order_each_after_the_failure_of_the_one_before() {
    let (mut policy, mut control) = with([1, 2, 3]);
    assert_eq!(control.connect_requests(), [1]);
    assert_eq!(control.state(), CONNECTING);
    control.enter(1, CONNECTING, &mut policy);
    control.enter(1, FAILED, &mut policy);
    assert_eq!(control.connect_requests(), [2]);
    control.enter(2, READY, &mut policy);
    assert_eq!(control.picks(3), [2, 2, 2]);
    assert_eq!(control.connect_requests(), [0; 0]);
}

#[test]
fn a_slow_address_does_not_hold_up_the_next() {
    let (mut policy, mut control) = with([1, 2, 3]);
    control.enter(1, CONNECTING, &mut policy);
    control.connect_requests();
    control.pass(ATTEMPT_DELAY - Duration::from_millis(1), &mut policy);
    assert_eq!(control.connect_requests(), [0; 0]);
    control.pass(Duration::from_millis(1), &mut policy);
    assert_eq!(control.connect_requests(), [2]);
    control.enter(2, CONNECTING, &mut policy);
    control.pass(ATTEMPT_DELAY, &mut policy);
    assert_eq!(control.connect_requests(), [3]);
    // The first may still win.
    control.enter(1, READY, &mut policy);
    assert_eq!(control.picks(1), [1]);
}

#[test]
fn when_all_have_failed_calls_fail_and_all_are_tried_again() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, FAILED, &mut policy);
    assert_eq!(control.state(), CONNECTING);
    control.enter(2, FAILED, &mut policy);
    assert_eq!(control.state(), FAILED);
    assert_eq!(
        control.pick().unwrap_err(),
        "none of 2 addresses is reachable, the last: 10.0.0.2:1: refused"
    );
    assert_eq!(control.resolutions, 1);
    control.connect_requests();
    control.enter(1, IDLE, &mut policy);
    assert_eq!(control.connect_requests(), [1]);
    control.enter(1, CONNECTING, &mut policy);
    assert_eq!(control.state(), FAILED, "sticky");
    control.enter(1, READY, &mut policy);
    assert_eq!(control.state(), READY);
}

#[test]
fn a_lost_connection_is_idle_until_the_next_call() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, READY, &mut policy);
    control.connect_requests();
    control.enter(1, IDLE, &mut policy);
    assert_eq!(control.state(), IDLE);
    assert_eq!(control.connect_requests(), [0; 0]);
    assert_eq!(control.resolutions, 1);
    assert_eq!(control.pick(), Err("queue".into()));
    policy.exit_idle(&mut control);
    assert_eq!(control.connect_requests(), [1]);
    assert_eq!(control.state(), CONNECTING);
}

#[test]
fn a_list_that_comes_while_it_is_idle_waits_for_the_next_call() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, READY, &mut policy);
    control.connect_requests();
    control.enter(1, IDLE, &mut policy);
    // As the resolver does that was asked because of it.
    policy.resolver_update(&addresses([3, 1]), &mut control);
    assert_eq!(control.state(), IDLE);
    assert_eq!(control.connect_requests(), [0; 0]);
    policy.exit_idle(&mut control);
    assert_eq!(control.state(), CONNECTING);
    assert_eq!(control.connect_requests(), [3]);
}

#[test]
fn a_list_that_still_has_the_connected_address_changes_nothing() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, READY, &mut policy);
    control.connect_requests();
    policy.resolver_update(&addresses([3, 1]), &mut control);
    assert_eq!(control.picks(1), [1]);
    assert_eq!(control.connect_requests(), [0; 0]);
}

#[test]
fn a_list_without_it_is_connected_before_the_old_connection_is_let_go() {
    let (mut policy, mut control) = with([1]);
    control.enter(1, READY, &mut policy);
    control.connect_requests();
    policy.resolver_update(&addresses([2, 3]), &mut control);
    assert_eq!(control.connect_requests(), [2]);
    assert_eq!(control.picks(1), [1]);
    control.enter(2, READY, &mut policy);
    assert_eq!(control.picks(1), [2]);
}

#[test]
fn an_address_listed_twice_is_tried_once() {
    let (mut policy, mut control) = with([1, 1]);
    control.enter(1, FAILED, &mut policy);
    assert_eq!(control.state(), FAILED);
}

#[test]
fn an_empty_list_fails_calls_until_there_are_addresses() {
    let (mut policy, mut control) = with([]);
    assert_eq!(control.pick(), Err("there are no addresses".into()));
    policy.resolver_update(&addresses([1]), &mut control);
    assert_eq!(control.state(), CONNECTING);
}

#[test]
fn a_resolver_error_fails_calls_until_there_are_addresses() {
    let mut policy = PickFirstPolicy::new(
        PickFirst::new(),
        PolicyOptions::new(WorkScheduler::default(), 1),
    );
    let mut control = FakeController::new();
    let error = ResolverUpdate::error(ResolveError::new("resolve orders: no such host"));
    policy.resolver_update(&error, &mut control);
    assert_eq!(control.pick(), Err("resolve orders: no such host".into()));
    policy.resolver_update(&addresses([1]), &mut control);
    assert_eq!(control.state(), CONNECTING);
}

/// The first address of a shuffled list, for so many clients.
fn firsts(ns: &[u8], clients: u64) -> std::collections::BTreeMap<u8, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..clients {
        let shuffling = PickFirst::new().shuffle_address_list(true);
        let options = PolicyOptions::new(WorkScheduler::default(), seed);
        let mut policy = PickFirstPolicy::new(shuffling, options);
        let mut control = FakeController::new();
        policy.resolver_update(&addresses(ns.iter().copied()), &mut control);
        let [first] = control.connect_requests()[..] else {
            panic!("one at a time");
        };
        *counts.entry(first).or_default() += 1;
    }
    counts
}

#[test]
fn clients_that_shuffle_choose_different_addresses_and_doubled_ones_twice_as_often() {
    let counts = firsts(&[1, 2, 3, 4], 4000);
    assert!(
        counts.values().all(|n| (850..1150).contains(n)),
        "{counts:?}"
    );
    let counts = firsts(&[1, 2, 1], 3000);
    assert!((1850..2150).contains(&counts[&1]), "{counts:?}");
}

#[test]
fn a_shuffled_list_that_has_the_connected_address_changes_nothing() {
    let shuffling = PolicyConfig::new(PickFirst::new().shuffle_address_list(true));
    let update = addresses(1..=20).with_policy_config(Some(shuffling));
    let (mut policy, mut control) = with([]);
    policy.resolver_update(&update, &mut control);
    let [first] = control.connect_requests()[..] else {
        panic!("one at a time");
    };
    control.enter(first, READY, &mut policy);
    policy.resolver_update(&update, &mut control);
    assert_eq!(control.picks(1), [first]);
    assert_eq!(control.connect_requests(), [0; 0]);
}
