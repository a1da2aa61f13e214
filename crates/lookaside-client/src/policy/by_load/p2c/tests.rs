use tonic::Code;

use super::*;
use crate::{CallEnd, ConnectivityState, WorkScheduler, policy::testing::*};

const READY: ConnectivityState = ConnectivityState::Ready;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn with(ns: &[u8]) -> (Box<dyn Policy>, FakeController) {
    let mut policy = P2c::new().build(PolicyOptions::new(WorkScheduler::default(), 1));
    let mut control = FakeController::new();
    policy.resolver_update(&addresses(ns.iter().copied()), &mut control);
    for n in ns {
        control.enter(*n, READY, &mut *policy);
    }
    (policy, control)
}

fn share(control: &FakeController, n: u8) -> usize {
    spread(control, 1000).get(&n).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn of_two_the_faster_one_gets_the_call() {
    let (_policy, control) = with(&[1, 2]);
    control.begin_to(1).answer(Code::Ok, ms(10));
    control.begin_to(2).answer(Code::Ok, ms(100));
    assert_eq!(share(&control, 2), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_make_a_backend_as_much_slower() {
    let (_policy, control) = with(&[1, 2]);
    control.begin_to(1).answer(Code::Ok, ms(10));
    control.begin_to(2).answer(Code::Ok, ms(95));
    let first: Vec<_> = (0..9).map(|_| control.begin()).collect();
    assert!(first.iter().all(|call| call.n == 1));
    assert_eq!(
        control.pick(),
        Ok(2),
        "10 ms for ten are more than 95 ms for one"
    );
    for call in first {
        call.answer(Code::Ok, ms(10));
    }
    assert_eq!(control.pick(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn before_the_first_answers_the_calls_in_flight_decide() {
    let (_policy, control) = with(&[1, 2, 3]);
    control.begin_to(1).answer(Code::Ok, ms(50));
    let open: Vec<_> = (0..300).map(|_| control.begin().n).collect();
    for n in 1..=3 {
        let calls = open.iter().filter(|other| **other == n).count();
        assert!((97..=103).contains(&calls), "{n} {calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_fails_fast_gets_hardly_any_calls() {
    let (_policy, control) = with(&[1, 2, 3]);
    let mut failures = 0;
    for _ in 0..3000 {
        let call = control.begin();
        if call.n == 1 {
            failures += 1;
            call.answer(Code::Unavailable, ms(1));
        } else {
            call.answer(Code::Ok, ms(20));
        }
        tokio::time::advance(ms(1)).await;
    }
    assert!(failures < 20, "{failures}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_likes_is_an_answer() {
    let (_policy, control) = with(&[1, 2]);
    control.begin_to(1).answer(Code::NotFound, ms(10));
    control.begin_to(2).answer(Code::Ok, ms(20));
    assert_eq!(share(&control, 1), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_slow_backend_is_tried_again_after_a_while() {
    let (_policy, control) = with(&[1, 2]);
    control.begin_to(1).answer(Code::Ok, ms(10));
    control.begin_to(2).answer(Code::Ok, ms(1000));
    let mut tried = 0;
    let began = tokio::time::Instant::now();
    while tried == 0 {
        let call = control.begin();
        tried += usize::from(call.n == 2);
        call.answer(Code::Ok, ms(10));
        tokio::time::advance(ms(100)).await;
    }
    // It costs e times less every 10 s, and cost a hundred times as much: ln 100 × 10 s.
    let waited = began.elapsed().as_secs_f64();
    assert!((45.0..48.0).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_listed_twice_gets_twice_the_calls_idle_or_busy() {
    let (_policy, control) = with(&[1, 2, 1]);
    for n in 1..=2 {
        control.begin_to(n).answer(Code::Ok, ms(10));
    }
    let counts = spread(&control, 3000);
    assert!((1850..2150).contains(&counts[&1]), "{counts:?}");
    let open = (0..3000).filter(|_| control.begin().n == 1).count();
    assert!((1980..2020).contains(&open), "{open}");
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_says_nothing() {
    let (_policy, control) = with(&[1, 2]);
    control.begin_to(1).answer(Code::Ok, ms(10));
    control.begin_to(2).answer(Code::Ok, ms(20));
    for _ in 0..50 {
        control.begin_to(1).end(&CallEnd {
            elapsed: ms(5000),
            code: Some(Code::DeadlineExceeded as i32),
            ..CallEnd::default()
        });
    }
    assert_eq!(share(&control, 1), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_single_backend_gets_all_calls() {
    let (_policy, control) = with(&[7]);
    assert_eq!(share(&control, 7), 1000);
}

#[tokio::test(start_paused = true)]
async fn another_decay_measures_anew() {
    let (mut policy, mut control) = with(&[1, 2]);
    control.begin_to(1).answer(Code::Ok, ms(10));
    control.begin_to(2).answer(Code::Ok, ms(100));
    let config = crate::PolicyConfig::new(P2c::new().decay(ms(100)));
    policy.resolver_update(
        &addresses([1, 2]).with_policy_config(Some(config)),
        &mut control,
    );
    assert!((400..600).contains(&share(&control, 1)));
    control.begin_to(1).answer(Code::Ok, ms(10));
    control.begin_to(2).answer(Code::Ok, ms(100));
    tokio::time::advance(ms(300)).await;
    control.begin_to(1).answer(Code::Ok, ms(10));
    assert_eq!(control.pick(), Ok(2));
}
