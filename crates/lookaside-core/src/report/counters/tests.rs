use std::{collections::HashMap, sync::atomic::AtomicBool, thread};

use super::*;

fn token(text: &str) -> Token {
    Token::new(text).unwrap()
}

#[test]
fn each_kind_of_call_is_counted_as_the_protocol_says() {
    let counters = CallCounters::new();
    let drop = counters.drop_counter(&token("overload"));
    counters.call_started();
    counters.call_started();
    counters.call_started();
    counters.call_finished(true, false);
    counters.call_finished(false, true);
    counters.call_dropped(&drop);
    let expected = ReportDelta {
        started: 4,
        finished: 3,
        finished_with_client_failed_to_send: 1,
        finished_known_received: 1,
        drops: vec![("overload".into(), 1)],
    };
    assert_eq!(counters.take(), expected);
    assert!(counters.take().is_zero());
    counters.call_finished(false, false);
    assert_eq!(counters.take().finished, 1);
}

#[test]
fn the_counter_of_a_token_outlives_its_list_until_it_is_reported() {
    let counters = CallCounters::new();
    let first = counters.drop_counter(&token("a"));
    let second = counters.drop_counter(&token("a"));
    counters.call_dropped(&first);
    counters.call_dropped(&second);
    drop((first, second));
    assert_eq!(counters.take().drops, [("a".to_owned(), 2)]);
}

#[test]
fn tokens_that_no_list_has_any_more_are_forgotten() {
    let counters = CallCounters::new();
    let kept = counters.drop_counter(&token("kept"));
    for index in 0..100 {
        counters.drop_counter(&token(&format!("t{index}")));
    }
    counters.take();
    let remembered = counters.drops.lock().unwrap().len();
    assert_eq!(remembered, 1);
    counters.call_dropped(&kept);
    assert_eq!(counters.take().drops, [("kept".to_owned(), 1)]);
}

#[test]
fn what_is_counted_is_not_forgotten_with_the_rest() {
    let counters = CallCounters::new();
    let _held = counters.drop_counter(&token("held"));
    counters.call_dropped(&counters.drop_counter(&token("counted")));
    counters.drop_counter(&token("unused"));
    counters.forget_unused();
    let remembered = counters.drops.lock().unwrap().len();
    assert_eq!(remembered, 2);
    assert_eq!(counters.take().drops, [("counted".to_owned(), 1)]);
}

#[test]
fn every_event_is_in_exactly_one_report_and_no_part_is_ahead_of_its_whole() {
    const THREADS: usize = 4;
    const CALLS: usize = 20_000;
    let counters = CallCounters::new();
    let running = AtomicBool::new(true);
    let mut sum = ReportDelta::default();
    let mut drops: HashMap<String, i64> = HashMap::new();
    let mut add = |delta: ReportDelta| {
        sum.started += delta.started;
        sum.finished += delta.finished;
        sum.finished_with_client_failed_to_send += delta.finished_with_client_failed_to_send;
        sum.finished_known_received += delta.finished_known_received;
        for (token, calls) in delta.drops {
            *drops.entry(token).or_default() += calls;
        }
        let dropped: i64 = drops.values().sum();
        assert!(sum.started >= sum.finished);
        let parts = dropped + sum.finished_with_client_failed_to_send + sum.finished_known_received;
        assert!(sum.finished >= parts, "{sum:?} {drops:?}");
        (sum.clone(), drops.clone())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let counters = &counters;
                scope.spawn(move || {
                    for call in 0..CALLS {
                        match call % 4 {
                            // A new handle each time: forgetting runs beside it.
                            0 => {
                                let token = token(&format!("t{}", thread % 2));
                                counters.call_dropped(&counters.drop_counter(&token));
                            }
                            kind => {
                                counters.call_started();
                                counters.call_finished(kind == 1, kind == 2);
                            }
                        }
                    }
                })
            })
            .collect();
        let (counters, running) = (&counters, &running);
        let add = &mut add;
        let reporter = scope.spawn(move || {
            while running.load(Acquire) {
                add(counters.take());
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        running.store(false, Release);
        reporter.join().unwrap();
    });
    let (sum, drops) = add(counters.take());
    let quarter = (THREADS * CALLS / 4) as i64;
    assert_eq!((sum.started, sum.finished), (4 * quarter, 4 * quarter));
    assert_eq!(sum.finished_with_client_failed_to_send, quarter);
    assert_eq!(sum.finished_known_received, quarter);
    assert_eq!(drops.into_values().collect::<Vec<_>>(), [quarter / 2; 2]);
}
