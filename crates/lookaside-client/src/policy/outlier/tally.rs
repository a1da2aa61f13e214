use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tonic::Code;

use crate::{CallEnd, CallTracker};

/// How a backend's calls have ended since the last sweep.
#[derive(Debug, Default)]
pub(super) struct Tally {
    successes: AtomicU64,
    failures: AtomicU64,
}

impl Tally {
    /// Successes and failures, and begins anew.
    pub(super) fn take(&self) -> (u64, u64) {
        (
            self.successes.swap(0, Relaxed),
            self.failures.swap(0, Relaxed),
        )
    }
}

impl CallTracker for Tally {
    fn call_started(&self) {}

    fn call_finished(&self, end: &CallEnd<'_>) {
        let (true, Some(code)) = (end.sent, end.code) else {
            return;
        };
        let ended = if code == Code::Ok as i32 {
            &self.successes
        } else {
            &self.failures
        };
        ended.fetch_add(1, Relaxed);
    }
}
