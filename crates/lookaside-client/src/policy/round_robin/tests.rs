use super::{super::testing::*, *};
use crate::{
    ConnectivityState, Controller, Policy, ResolveError, ResolverUpdate, SubchannelState,
    WorkScheduler,
};

const IDLE: ConnectivityState = ConnectivityState::Idle;
const CONNECTING: ConnectivityState = ConnectivityState::Connecting;
const READY: ConnectivityState = ConnectivityState::Ready;
const FAILED: ConnectivityState = ConnectivityState::TransientFailure;

fn policy() -> RoundRobin {
    RoundRobin::new(PolicyOptions::new(WorkScheduler::default(), 1))
}

fn with(ns: impl IntoIterator<Item = u8>) -> (RoundRobin, FakeController) {
    let (mut policy, mut control) = (policy(), FakeController::new());
    policy.resolver_update(&addresses(ns), &mut control);
    (policy, control)
}

#[test]
fn all_addresses_are_connected_at_once() {
    let (_policy, control) = with([1, 2, 3]);
    assert_eq!(control.connect_requests(), [1, 2, 3]);
    assert_eq!(control.state(), CONNECTING);
    assert_eq!(control.pick(), Err("queue".into()));
}

#[test]
fn only_ready_addresses_are_picked_in_the_order_of_the_list() {
    let (mut policy, mut control) = with([3, 1, 2]);
    control.enter(3, READY, &mut policy);
    assert_eq!(control.picks(3), [3, 3, 3]);
    control.enter(2, READY, &mut policy);
    control.enter(1, CONNECTING, &mut policy);
    let picks = control.picks(4);
    assert_eq!(picks[..2], picks[2..]);
    control.enter(1, READY, &mut policy);
    let picks = control.picks(6);
    let at = picks.iter().position(|n| *n == 3).unwrap();
    assert_eq!(picks[at..at + 3], [3, 1, 2]);
}

#[test]
fn a_doubled_address_has_two_turns_and_one_connection() {
    let (mut policy, mut control) = with([1, 2, 1]);
    assert_eq!(control.connect_requests(), [1, 2]);
    control.enter(1, READY, &mut policy);
    control.enter(2, READY, &mut policy);
    let picks = control.picks(30);
    assert_eq!(picks.iter().filter(|n| **n == 1).count(), 20);
}

#[test]
fn a_change_of_state_does_not_begin_again_at_the_front() {
    let (mut policy, mut control) = with([1, 2, 3, 4]);
    for n in 1..=4 {
        control.enter(n, READY, &mut policy);
    }
    // One call between changes, as at a low rate: all must get their share.
    let mut counts = [0; 5];
    for round in 0..400 {
        counts[usize::from(control.pick().unwrap())] += 1;
        let state = if round % 2 == 0 { IDLE } else { READY };
        control.enter(4, state, &mut policy);
    }
    assert!(counts[1..4].iter().all(|n| *n > 60), "{counts:?}");
}

#[test]
fn clients_start_at_different_places() {
    let mut first = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut policy = RoundRobin::new(PolicyOptions::new(WorkScheduler::default(), seed));
        let mut control = FakeController::new();
        policy.resolver_update(&addresses([1, 2, 3]), &mut control);
        for n in 1..=3 {
            control.enter(n, READY, &mut policy);
        }
        first.insert(control.pick().unwrap());
    }
    assert_eq!(first.len(), 3);
}

#[test]
fn a_lost_connection_is_made_again_at_once() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, READY, &mut policy);
    control.connect_requests();
    control.enter(1, IDLE, &mut policy);
    assert_eq!(control.connect_requests(), [1]);
    assert_eq!(control.resolutions, 1);
    assert_eq!(control.state(), CONNECTING);
}

#[test]
fn a_failure_sticks_until_ready() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, FAILED, &mut policy);
    assert_eq!(control.state(), CONNECTING);
    control.enter(2, FAILED, &mut policy);
    assert_eq!(control.state(), FAILED);
    let error = control.pick().unwrap_err();
    assert_eq!(
        error,
        "none of 2 addresses is reachable, the last: 10.0.0.2:1: refused"
    );
    control.connect_requests();
    control.enter(1, IDLE, &mut policy);
    assert_eq!(control.connect_requests(), [1], "it is tried again");
    control.enter(1, CONNECTING, &mut policy);
    assert_eq!(control.state(), FAILED);
    control.enter(1, READY, &mut policy);
    assert_eq!(control.state(), READY);
}

#[test]
fn a_new_list_takes_over_when_one_of_its_backends_is_ready() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, READY, &mut policy);
    control.enter(2, READY, &mut policy);
    policy.resolver_update(&addresses([3, 4]), &mut control);
    assert_eq!(control.state(), READY);
    assert!(control.picks(4).iter().all(|n| *n <= 2));
    control.enter(3, CONNECTING, &mut policy);
    assert!(control.picks(4).iter().all(|n| *n <= 2));
    control.enter(4, READY, &mut policy);
    assert_eq!(control.picks(2), [4, 4]);
}

#[test]
fn a_new_list_that_fails_altogether_takes_over_too() {
    let (mut policy, mut control) = with([1]);
    control.enter(1, READY, &mut policy);
    policy.resolver_update(&addresses([3, 4]), &mut control);
    control.enter(3, FAILED, &mut policy);
    assert_eq!(control.picks(1), [1]);
    control.enter(4, FAILED, &mut policy);
    assert_eq!(control.state(), FAILED);
}

#[test]
fn a_new_list_takes_over_when_the_old_one_is_lost() {
    let (mut policy, mut control) = with([1]);
    control.enter(1, READY, &mut policy);
    policy.resolver_update(&addresses([3]), &mut control);
    control.enter(1, IDLE, &mut policy);
    assert_eq!(control.state(), CONNECTING);
    control.enter(1, READY, &mut policy);
    assert_eq!(control.state(), CONNECTING, "the old list is gone");
    control.enter(3, READY, &mut policy);
    assert_eq!(control.picks(1), [3]);
}

#[test]
fn a_list_that_shares_backends_takes_over_at_once_and_drops_the_rest() {
    let (mut policy, mut control) = with([1, 2]);
    control.enter(1, READY, &mut policy);
    control.enter(2, READY, &mut policy);
    policy.resolver_update(&addresses([2, 3]), &mut control);
    assert_eq!(control.picks(2), [2, 2]);
}

#[test]
fn an_empty_list_fails_calls() {
    let (_policy, control) = with([]);
    assert_eq!(control.state(), FAILED);
    assert_eq!(control.pick(), Err("there are no addresses".into()));
}

#[test]
fn a_resolver_error_fails_calls_only_while_there_are_no_addresses() {
    let (mut policy, mut control) = (policy(), FakeController::new());
    let error = ResolverUpdate::error(ResolveError::new("resolve orders: no such host"));
    policy.resolver_update(&error, &mut control);
    assert_eq!(control.pick(), Err("resolve orders: no such host".into()));
    policy.resolver_update(&addresses([1]), &mut control);
    assert_eq!(control.state(), CONNECTING);
    control.enter(1, READY, &mut policy);
    policy.resolver_update(&error, &mut control);
    assert_eq!(control.picks(1), [1]);
}

#[test]
fn many_changes_at_once_are_one_publication() {
    let (mut policy, mut control) = with(1..=100);
    let before = control.publications;
    for n in 1..=100 {
        let (subchannel, _) = control.new_subchannel(&address(n));
        let state = SubchannelState::new(READY);
        policy.subchannel_update(&subchannel, &state, &mut control);
    }
    policy.work(&mut control);
    assert_eq!(control.publications, before + 1);
}

#[test]
fn what_was_known_of_a_list_that_never_came_into_force_is_forgotten() {
    let (mut policy, mut control) = with([1]);
    control.enter(1, READY, &mut policy);
    policy.resolver_update(&addresses([2]), &mut control);
    for n in 3..100 {
        policy.resolver_update(&addresses([n]), &mut control);
    }
    assert_eq!(policy.known(), 2);
    // It became READY while nobody asked, so that the policy was not told.
    control.set(2, READY);
    policy.resolver_update(&addresses([2]), &mut control);
    assert_eq!(control.picks(2), [2, 2]);
}
