use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::HeaderMap;

use super::{FakeController, last_octet};
use crate::{CallEnd, CallTracker, MAX_TRACKERS, PickArgs, PickResult};

/// A call that was picked and has not ended.
pub(crate) struct OpenCall {
    /// `10.0.0.n` as n.
    pub(crate) n: u8,
    watchers: [Option<Arc<dyn CallTracker>>; MAX_TRACKERS],
}

impl FakeController {
    /// One pick, and who watches it is told.
    pub(crate) fn begin(&self) -> OpenCall {
        let headers = HeaderMap::new();
        let published = self.published.as_ref().expect("published");
        match published.picker.pick(&PickArgs::new("/a.B/C", &headers)) {
            PickResult::Pick(pick) => {
                let watchers = pick.watchers.hold();
                for tracker in watchers.iter().flatten() {
                    tracker.call_started();
                }
                let n = last_octet(pick.subchannel);
                OpenCall { n, watchers }
            }
            other => panic!("{other:?}"),
        }
    }

    /// Calls until one goes to `10.0.0.n`; the others end as if nobody had waited for them.
    pub(crate) fn begin_to(&self, n: u8) -> OpenCall {
        for _ in 0..10_000 {
            let call = self.begin();
            if call.n == n {
                return call;
            }
            call.end(&CallEnd::default());
        }
        panic!("no call goes to {n}");
    }
}

impl OpenCall {
    /// How many watch it.
    #[cfg(feature = "outlier")]
    pub(crate) fn watchers(&self) -> usize {
        self.watchers.iter().flatten().count()
    }

    pub(crate) fn end(self, end: &CallEnd<'_>) {
        for tracker in self.watchers.iter().flatten() {
            tracker.call_finished(end);
        }
    }

    /// It ended with this status, so long after it was picked.
    pub(crate) fn answer(self, code: tonic::Code, after: Duration) {
        self.end(&CallEnd {
            sent: true,
            received: true,
            elapsed: after,
            answered_after: Some(after),
            code: Some(code as i32),
            ..CallEnd::default()
        });
    }
}

/// How many of so many calls, one after the other, go to each `10.0.0.n`.
pub(crate) fn spread(control: &FakeController, calls: usize) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for n in control.picks(calls) {
        *counts.entry(n).or_default() += 1;
    }
    counts
}
