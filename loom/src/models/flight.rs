use std::{
    task::{Context, Waker},
    time::Duration,
};

use loom::{sync::Arc, thread};

use crate::{
    http::{flight::Flight, patience::Patience},
    notify::Sleeper,
};

const LIST: usize = 1000;

/// A body that sends two lists, each when the one before has left.
pub(super) fn landing() {
    let flight = Arc::new(Flight::default());
    let sleeper = std::sync::Arc::new(Sleeper::default());
    let waker = Waker::from(std::sync::Arc::clone(&sleeper));
    let context = Context::from_waker(&waker);
    for _ in 0..2 {
        let landing = Flight::begin(&flight, LIST, 1);
        let socket = thread::spawn(move || {
            landing.progress(LIST);
            drop(landing);
        });
        while flight.is_on(&context) {
            sleeper.sleep();
        }
        socket.join().expect("no panic");
    }
}

/// One that was looked at has landed long ago. Who looks now sees new ones, which have all
/// their time before them.
pub(super) fn overdue() {
    let patience = Patience::new(Duration::from_secs(10), 0);
    let flight = Arc::new(Flight::default());
    let first = Flight::begin(&flight, LIST, patience.now());
    patience.advance();
    assert!(!flight.is_overdue(&patience));
    drop(first);
    for _ in 0..100 {
        patience.advance();
    }
    let now = patience.now();
    let looks = thread::spawn({
        let flight = Arc::clone(&flight);
        move || {
            assert!(!flight.is_overdue(&patience));
            assert!(!flight.is_overdue(&patience));
        }
    });
    for _ in 0..2 {
        let landing = Flight::begin(&flight, LIST, now);
        landing.progress(LIST);
        drop(landing);
    }
    looks.join().expect("no panic");
    assert!(!flight.has_expired());
}
