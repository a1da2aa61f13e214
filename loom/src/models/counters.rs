use lookaside_core::ReportDelta;
use loom::{sync::Arc, thread};

use crate::{Token, report::counters::CallCounters};

fn token() -> Token {
    Token::new("overload").expect("a token")
}

/// All reports so far.
#[derive(Default)]
struct Sum {
    started: i64,
    finished: i64,
    failed: i64,
    received: i64,
    dropped: i64,
}

impl Sum {
    fn add(&mut self, report: &ReportDelta) {
        self.started += report.started;
        self.finished += report.finished;
        self.failed += report.finished_with_client_failed_to_send;
        self.received += report.finished_known_received;
        self.dropped += report.drops.iter().map(|(_, calls)| calls).sum::<i64>();
        let parts = self.failed + self.received + self.dropped;
        assert!(self.started >= self.finished && self.finished >= parts);
    }
}

/// A call that fails unsent and one that is dropped, while reports are made.
pub(super) fn reports() {
    let counters = Arc::new(CallCounters::new());
    let drop = counters.drop_counter(&token());
    let call = thread::spawn({
        let counters = Arc::clone(&counters);
        move || {
            counters.call_started();
            counters.call_finished(true, false);
        }
    });
    let dropped = thread::spawn({
        let counters = Arc::clone(&counters);
        move || counters.call_dropped(&drop)
    });
    let mut sum = Sum::default();
    sum.add(&counters.take());
    sum.add(&counters.take());
    call.join().expect("no panic");
    dropped.join().expect("no panic");
    sum.add(&counters.take());
    let Sum {
        started,
        finished,
        failed,
        received,
        dropped,
    } = sum;
    assert_eq!((started, finished), (2, 2));
    assert_eq!((failed, received, dropped), (1, 0, 1));
}

/// A call is dropped by a list that goes; the next list, with the same token, comes, drops
/// one as well and goes; somebody forgets what is not in use.
pub(super) fn lists() {
    let counters = Arc::new(CallCounters::new());
    let drop = counters.drop_counter(&token());
    let dropped = thread::spawn({
        let counters = Arc::clone(&counters);
        move || counters.call_dropped(&drop)
    });
    let forgets = thread::spawn({
        let counters = Arc::clone(&counters);
        move || counters.forget_unused()
    });
    let next = counters.drop_counter(&token());
    counters.call_dropped(&next);
    std::mem::drop(next);
    let mut sum = Sum::default();
    sum.add(&counters.take());
    dropped.join().expect("no panic");
    forgets.join().expect("no panic");
    sum.add(&counters.take());
    assert_eq!((sum.started, sum.finished, sum.dropped), (2, 2, 2));
}
