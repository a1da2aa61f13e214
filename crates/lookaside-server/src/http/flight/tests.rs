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

    drop(flight.begin());
    assert!(!flight.is_on(&cx));
    assert_eq!(woken.0.load(SeqCst), 0, "nobody waited");

    let landing = flight.begin();
    assert!(flight.is_on(&cx) && flight.is_on(&cx));
    drop(landing);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(!flight.is_on(&cx));

    drop(flight.begin());
    assert_eq!(woken.0.load(SeqCst), 1, "that wait was over");
}
