use std::time::Duration;

use lookaside_core::{FailurePercentageEjection, OutlierSettings};
use tonic::Code;

use super::*;
use crate::{
    CallEnd, ChildPolicy, ConnectivityState, PolicyBuilder, WorkScheduler,
    policy::{PolicyChoice, testing::*},
};

const IDLE: ConnectivityState = ConnectivityState::Idle;
const CONNECTING: ConnectivityState = ConnectivityState::Connecting;
const READY: ConnectivityState = ConnectivityState::Ready;
const FAILED: ConnectivityState = ConnectivityState::TransientFailure;

const INTERVAL: Duration = Duration::from_secs(10);

fn on() -> OutlierSettings {
    OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection::default()),
        ..OutlierSettings::default()
    }
}

fn detection(settings: OutlierSettings, child: impl PolicyBuilder) -> OutlierDetection {
    OutlierDetection::new(settings, child).unwrap()
}

fn build(detection: &OutlierDetection, ns: &[u8]) -> (Box<dyn Policy>, FakeController) {
    let mut policy = detection.build(PolicyOptions::new(WorkScheduler::default(), 1));
    let mut control = FakeController::new();
    policy.resolver_update(&addresses(ns.iter().copied()), &mut control);
    for n in ns {
        control.enter(*n, READY, &mut *policy);
    }
    control.connect_requests();
    (policy, control)
}

fn with(ns: &[u8]) -> (Box<dyn Policy>, FakeController) {
    build(&detection(on(), ChildPolicy::RoundRobin), ns)
}

/// So many calls to each, all of which fail at one of them.
fn calls(control: &FakeController, ns: &[u8], failing: u8) {
    for _ in 0..100 * ns.len() {
        let call = control.begin();
        let code = if call.n == failing {
            Code::Unavailable
        } else {
            Code::Ok
        };
        call.answer(code, Duration::from_millis(1));
    }
}

/// Five backends, of which the first is ejected.
fn with_ejected() -> (Box<dyn Policy>, FakeController) {
    let (mut policy, mut control) = with(&[1, 2, 3, 4, 5]);
    calls(&control, &[1, 2, 3, 4, 5], 1);
    control.pass(INTERVAL, &mut *policy);
    assert_eq!(used(&control), [2, 3, 4, 5]);
    (policy, control)
}

fn used(control: &FakeController) -> Vec<u8> {
    spread(control, 100).into_keys().collect()
}

#[test]
fn a_backend_whose_calls_fail_is_out_of_use_and_keeps_its_connection() {
    let (mut policy, mut control) = with(&[1, 2, 3, 4, 5]);
    calls(&control, &[1, 2, 3, 4, 5], 1);
    control.pass(INTERVAL - Duration::from_millis(1), &mut *policy);
    assert_eq!(used(&control), [1, 2, 3, 4, 5], "not yet");
    control.pass(Duration::from_millis(1), &mut *policy);
    assert_eq!(used(&control), [2, 3, 4, 5]);
    assert_eq!(control.state(), READY);
    assert_eq!(control.connect_requests(), [0; 0]);
    assert_eq!(control.resolutions, 0, "its address is right");
}

#[test]
fn it_is_back_when_its_time_is_over() {
    let (mut policy, mut control) = with_ejected();
    for _ in 0..3 {
        control.pass(INTERVAL, &mut *policy);
        assert_eq!(used(&control), [2, 3, 4, 5]);
    }
    control.pass(INTERVAL, &mut *policy);
    assert_eq!(used(&control), [1, 2, 3, 4, 5]);
}

#[test]
fn what_its_connection_does_meanwhile_counts_when_it_is_back() {
    let (mut policy, mut control) = with_ejected();
    control.enter(1, IDLE, &mut *policy);
    assert_eq!(control.connect_requests(), [0; 0]);
    for _ in 0..4 {
        control.pass(INTERVAL, &mut *policy);
    }
    assert_eq!(control.connect_requests(), [1]);
    assert_eq!(used(&control), [2, 3, 4, 5]);
    control.enter(1, READY, &mut *policy);
    assert_eq!(used(&control), [1, 2, 3, 4, 5]);
}

#[test]
fn a_connection_that_is_made_anew_does_not_end_an_ejection() {
    let (mut policy, mut control) = with_ejected();
    for state in [IDLE, CONNECTING, READY] {
        control.enter(1, state, &mut *policy);
    }
    assert_eq!(used(&control), [2, 3, 4, 5]);
    policy.resolver_update(&addresses([5, 4, 3, 2, 1]), &mut control);
    policy.work(&mut control);
    assert_eq!(used(&control), [2, 3, 4, 5], "nor does a list");
}

#[test]
fn a_backend_that_leaves_the_list_leaves_its_past() {
    let (mut policy, mut control) = with_ejected();
    policy.resolver_update(&addresses([2, 3, 4, 5]), &mut control);
    policy.resolver_update(&addresses([1, 2, 3, 4, 5]), &mut control);
    policy.work(&mut control);
    assert_eq!(used(&control), [1, 2, 3, 4, 5]);
}

#[test]
fn who_leaves_the_list_while_the_child_still_needs_it_is_back() {
    let (mut policy, mut control) = with_ejected();
    for n in 2..=5 {
        control.enter(n, FAILED, &mut *policy);
    }
    assert_eq!(control.state(), FAILED);
    // Nobody of the new list is connected yet, and 1 is all there is of the old one.
    policy.resolver_update(&addresses([6]), &mut control);
    assert_eq!(control.picks(3), [1, 1, 1]);
    control.enter(6, READY, &mut *policy);
    assert_eq!(control.picks(3), [6, 6, 6]);
}

#[test]
fn only_calls_that_a_backend_could_answer_count() {
    let (mut policy, mut control) = with(&[1, 2, 3, 4, 5]);
    calls(&control, &[1, 2, 3, 4, 5], 0);
    for _ in 0..1000 {
        // Never sent, and given up by their caller.
        let unsent = CallEnd {
            code: Some(Code::Unavailable as i32),
            ..CallEnd::default()
        };
        control.begin_to(1).end(&unsent);
        let given_up = CallEnd {
            sent: true,
            ..CallEnd::default()
        };
        control.begin_to(1).end(&given_up);
    }
    control.pass(INTERVAL, &mut *policy);
    assert_eq!(used(&control), [1, 2, 3, 4, 5]);
}

#[test]
fn without_a_rule_nobody_counts_and_nobody_is_ejected() {
    let off = detection(OutlierSettings::default(), ChildPolicy::RoundRobin);
    let (mut policy, mut control) = build(&off, &[1, 2, 3, 4, 5]);
    assert_eq!(control.begin().watchers(), 0);
    calls(&control, &[1, 2, 3, 4, 5], 1);
    control.pass(INTERVAL, &mut *policy);
    assert_eq!(used(&control), [1, 2, 3, 4, 5]);
    assert_eq!(control.wake, None);
}

#[test]
fn ejection_is_turned_off_and_on_by_the_configuration() {
    let (mut policy, mut control) = with_ejected();
    let off = detection(OutlierSettings::default(), ChildPolicy::RoundRobin);
    let update = addresses([1, 2, 3, 4, 5]);
    let off = update
        .clone()
        .with_policy_config(Some(crate::PolicyConfig::new(off)));
    policy.resolver_update(&off, &mut control);
    policy.work(&mut control);
    assert_eq!(used(&control), [1, 2, 3, 4, 5]);
    assert_eq!(control.begin().watchers(), 0);
    calls(&control, &[1, 2, 3, 4, 5], 1);
    policy.resolver_update(&update, &mut control);
    assert_eq!(control.begin().watchers(), 1);
    control.pass(INTERVAL, &mut *policy);
    assert_eq!(
        used(&control),
        [1, 2, 3, 4, 5],
        "what came before does not count"
    );
    calls(&control, &[1, 2, 3, 4, 5], 2);
    control.pass(INTERVAL, &mut *policy);
    assert_eq!(used(&control), [1, 3, 4, 5]);
}

#[test]
fn an_interval_that_has_begun_goes_on_with_the_new_length() {
    let (mut policy, mut control) = with(&[1, 2, 3, 4, 5]);
    calls(&control, &[1, 2, 3, 4, 5], 1);
    control.pass(Duration::from_secs(4), &mut *policy);
    let short = OutlierSettings {
        interval: Duration::from_secs(5),
        ..on()
    };
    let short = crate::PolicyConfig::new(detection(short, ChildPolicy::RoundRobin));
    let update = addresses([1, 2, 3, 4, 5]).with_policy_config(Some(short));
    policy.resolver_update(&update, &mut control);
    control.pass(Duration::from_secs(1), &mut *policy);
    assert_eq!(used(&control), [2, 3, 4, 5]);
}

#[test]
fn an_address_that_is_listed_twice_is_one_backend() {
    let (mut policy, mut control) = with(&[1, 2, 1, 3, 4]);
    calls(&control, &[1, 2, 1, 3, 4], 1);
    control.pass(INTERVAL, &mut *policy);
    assert_eq!(used(&control), [1, 2, 3, 4], "four are too few");
}

#[test]
fn another_child_inherits_who_is_ejected() {
    let (mut policy, mut control) = with_ejected();
    let first = crate::PolicyConfig::new(detection(on(), ChildPolicy::PickFirst));
    let update = addresses([1, 2, 3, 4, 5]).with_policy_config(Some(first));
    policy.resolver_update(&update, &mut control);
    policy.work(&mut control);
    assert_eq!(control.picks(3), [2, 2, 2]);
}

#[test]
fn a_pick_first_child_goes_on_to_the_next_address() {
    let eager = OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection {
            minimum_hosts: 1,
            ..FailurePercentageEjection::default()
        }),
        ..OutlierSettings::default()
    };
    let (mut policy, mut control) = build(&detection(eager, ChildPolicy::PickFirst), &[1, 2, 3]);
    assert_eq!(control.picks(3), [1, 1, 1]);
    calls(&control, &[1], 1);
    control.pass(INTERVAL, &mut *policy);
    policy.exit_idle(&mut control);
    policy.work(&mut control);
    assert_eq!(control.picks(3), [2, 2, 2]);
}

#[cfg(feature = "policies")]
#[test]
fn a_child_that_watches_calls_itself_still_does() {
    let both = detection(on(), crate::LeastRequest::new().choice_count(10));
    let (mut policy, mut control) = build(&both, &[1, 2, 3, 4, 5]);
    let open = control.begin();
    assert_eq!(open.watchers(), 2);
    assert_eq!(spread(&control, 100).get(&open.n), None);
    open.end(&CallEnd::default());
    for n in 1..=5 {
        for _ in 0..100 {
            let code = if n == 3 { Code::Internal } else { Code::Ok };
            control.begin_to(n).answer(code, Duration::from_millis(1));
        }
    }
    control.pass(INTERVAL, &mut *policy);
    assert!(!used(&control).contains(&3));
}

#[test]
fn the_child_may_be_chosen_by_a_configuration_of_its_own() {
    let choice = PolicyChoice::new(Arc::new(ChildPolicy::PickFirst));
    let mut configured = detection(on(), ChildPolicy::RoundRobin);
    configured.child = choice;
    let (_policy, control) = build(&configured, &[1, 2]);
    assert_eq!(control.picks(3), [1, 1, 1]);
}
