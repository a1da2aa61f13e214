use std::collections::BTreeMap;

use super::*;
use crate::{CallEnd, ConnectivityState, WorkScheduler, policy::testing::*};

const READY: ConnectivityState = ConnectivityState::Ready;

fn with(builder: &LeastRequest, ns: &[u8]) -> (Box<dyn Policy>, FakeController) {
    let mut policy = builder.build(PolicyOptions::new(WorkScheduler::default(), 1));
    let mut control = FakeController::new();
    policy.resolver_update(&addresses(ns.iter().copied()), &mut control);
    for n in ns {
        control.enter(*n, READY, &mut *policy);
    }
    (policy, control)
}

/// So many calls that are not answered: how many each backend has.
fn pile_up(control: &FakeController, calls: usize) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..calls {
        *counts.entry(control.begin().n).or_default() += 1;
    }
    counts
}

#[test]
fn a_backend_that_does_not_answer_gets_less_and_less() {
    let (_policy, control) = with(&LeastRequest::new(), &[1, 2]);
    // Everybody but 1 answers at once.
    let mut stuck = 0;
    for _ in 0..1000 {
        let call = control.begin();
        if call.n == 1 {
            stuck += 1;
        } else {
            call.end(&CallEnd::default());
        }
    }
    // Once it has one, it gets another only when both draws are 1: every fourth time.
    assert!((200..300).contains(&stuck), "{stuck}");
    let (_policy, control) = with(&LeastRequest::new().choice_count(10), &[1, 2]);
    let stuck = (0..1000).filter(|_| {
        let call = control.begin();
        let stuck = call.n == 1;
        if !stuck {
            call.end(&CallEnd::default());
        }
        stuck
    });
    assert!(stuck.count() < 10, "one in 1,024");
}

#[test]
fn calls_that_pile_up_do_so_evenly() {
    let (_policy, control) = with(&LeastRequest::new(), &[1, 2, 3, 4]);
    let counts = pile_up(&control, 400);
    assert!(
        counts.values().all(|n| (97..=103).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn idle_backends_are_drawn_equally_often() {
    let (_policy, control) = with(&LeastRequest::new(), &[1, 2, 3, 4]);
    let counts = spread(&control, 4000);
    assert!(
        counts.values().all(|n| (850..1150).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn an_address_that_is_listed_twice_gets_twice_the_calls_idle_or_busy() {
    let (_policy, control) = with(&LeastRequest::new(), &[1, 2, 1]);
    let counts = spread(&control, 3000);
    assert!((1850..2150).contains(&counts[&1]), "{counts:?}");
    let counts = pile_up(&control, 3000);
    assert!((1980..2020).contains(&counts[&1]), "{counts:?}");
}

#[test]
fn what_is_in_flight_outlives_the_picker() {
    let (mut policy, mut control) = with(&LeastRequest::new().choice_count(10), &[1, 2, 3]);
    let _open = control.begin_to(1);
    control.enter(3, ConnectivityState::Idle, &mut *policy);
    assert!(spread(&control, 1000).get(&1).is_none_or(|n| *n < 10));
    // It also survives a list that still has it.
    policy.resolver_update(&addresses([1, 4]), &mut control);
    control.enter(4, READY, &mut *policy);
    assert!(spread(&control, 1000).get(&1).is_none_or(|n| *n < 10));
}

#[test]
fn a_call_that_was_given_back_counts_no_more() {
    let (_policy, control) = with(&LeastRequest::new().choice_count(10), &[1, 2]);
    for _ in 0..100 {
        control.begin_to(1).end(&CallEnd::default());
    }
    let counts = spread(&control, 1000);
    assert!(
        counts.values().all(|n| (400..600).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn the_same_seed_picks_the_same() {
    let picks = || with(&LeastRequest::new(), &[1, 2, 3]).1.picks(50);
    assert_eq!(picks(), picks());
}

#[test]
fn a_configuration_comes_before_what_the_builder_says() {
    let (mut policy, mut control) = with(&LeastRequest::new(), &[1, 2]);
    let config = crate::PolicyConfig::new(LeastRequest::new().choice_count(10));
    policy.resolver_update(
        &addresses([1, 2]).with_policy_config(Some(config)),
        &mut control,
    );
    let _open = control.begin_to(1);
    assert!(spread(&control, 1000).get(&1).is_none_or(|n| *n < 10));
    policy.resolver_update(&addresses([1, 2]), &mut control);
    assert!(spread(&control, 1000)[&1] > 200);
}

#[test]
fn backends_without_an_entry_are_forgotten() {
    let options = PolicyOptions::new(WorkScheduler::default(), 1);
    let settings = LeastRequest::new();
    let spread = FewestCalls {
        default: settings.clone(),
        settings,
        backends: Backends::default(),
        rng: Arc::new(SharedRng::new(1)),
    };
    let mut policy = Petiole::with(options, spread);
    let mut control = FakeController::new();
    for n in 1..100 {
        policy.resolver_update(&addresses([n]), &mut control);
        control.enter(n, READY, &mut policy);
    }
    assert_eq!(policy.spread().backends.known(), 1);
}
