use super::{super::testing::*, *};
use crate::{PolicyOptions, ResolveError};

const IDLE: ConnectivityState = ConnectivityState::Idle;
const CONNECTING: ConnectivityState = ConnectivityState::Connecting;
const READY: ConnectivityState = ConnectivityState::Ready;
const FAILED: ConnectivityState = ConnectivityState::TransientFailure;

fn with(ns: impl IntoIterator<Item = u8>) -> (PickFirst, FakeController) {
    let mut policy = PickFirst::new(PolicyOptions::new(WorkScheduler::default(), 1));
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
    let mut policy = PickFirst::new(PolicyOptions::new(WorkScheduler::default(), 1));
    let mut control = FakeController::new();
    let error = ResolverUpdate::error(ResolveError::new("resolve orders: no such host"));
    policy.resolver_update(&error, &mut control);
    assert_eq!(control.pick(), Err("resolve orders: no such host".into()));
    policy.resolver_update(&addresses([1]), &mut control);
    assert_eq!(control.state(), CONNECTING);
}
