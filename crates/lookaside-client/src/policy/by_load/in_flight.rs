use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::{CallEnd, CallTracker};

/// Counts the calls that a backend has and has not answered yet.
#[derive(Debug, Default)]
pub(crate) struct InFlight(AtomicUsize);

impl InFlight {
    pub(crate) fn calls(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl CallTracker for InFlight {
    fn call_started(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn call_finished(&self, _: &CallEnd<'_>) {
        self.0.fetch_sub(1, Relaxed);
    }
}
