use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::Wake,
};

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn who_waits_for_a_landing_is_woken_once_and_nobody_else_ever() {
    let woken = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&woken));
    let cx = Context::from_waker(&waker);
    let flight = Arc::new(Flight::default());
    assert!(!flight.is_on(&cx));

    drop(Flight::begin(&flight, 0, 0));
    assert!(!flight.is_on(&cx));
    assert_eq!(woken.0.load(SeqCst), 0, "nobody waited");

    let landing = Flight::begin(&flight, 0, 0);
    assert!(flight.is_on(&cx) && flight.is_on(&cx));
    drop(landing);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(!flight.is_on(&cx));

    drop(Flight::begin(&flight, 0, 0));
    assert_eq!(woken.0.load(SeqCst), 1, "that wait was over");
}

/// A flight of this many bytes under these rules, looked at after each tick, in which as
/// many bytes leave as said: after how many it was overdue.
fn overdue_after(patience: &Patience, len: usize, leaves: impl Fn(u32) -> usize) -> Option<u32> {
    let flight = Arc::new(Flight::default());
    let landing = Flight::begin(&flight, len, patience.now());
    (1..=1000).find(|tick| {
        landing.progress(leaves(*tick));
        patience.advance();
        let overdue = flight.is_overdue(patience);
        assert_eq!(flight.has_expired(), overdue);
        overdue
    })
}

/// Ten ticks.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

#[test]
fn what_does_not_move_is_overdue_when_the_limit_is_over() {
    let patience = Patience::new(LIMIT, 1000);
    assert_eq!(overdue_after(&patience, 1_000_000, |_| 0), Some(11));
    // Five ticks of movement count from their end.
    let moves = |tick| usize::from(tick <= 5) * 1_000;
    assert_eq!(overdue_after(&patience, 1_000_000, moves), Some(16));
}

#[test]
fn what_moves_too_slowly_is_overdue_when_the_rate_says_so() {
    let patience = Patience::new(LIMIT, 1000);
    // One byte a second: the limit, and five seconds for 5,000 bytes.
    assert_eq!(overdue_after(&patience, 5_000, |_| 1), Some(17));
    // A long list at an honest pace has its time.
    let after = overdue_after(&patience, 900_000, |_| 1_000);
    assert!(after.is_none_or(|after| after > 900), "{after:?}");
    let any_pace = Patience::new(LIMIT, 0);
    assert_eq!(overdue_after(&any_pace, 5_000, |_| 1), None);
}

#[test]
fn what_has_landed_is_never_overdue_and_the_next_begins_anew() {
    let patience = Patience::new(LIMIT, 1000);
    let flight = Arc::new(Flight::default());
    for _ in 0..5 {
        let landing = Flight::begin(&flight, 10, patience.now());
        for _ in 0..10 {
            patience.advance();
            assert!(!flight.is_overdue(&patience));
        }
        drop(landing);
        for _ in 0..50 {
            patience.advance();
            assert!(!flight.is_overdue(&patience));
        }
    }
}
