use std::sync::Arc;

use crate::{CallOutcome, CallTracker};

/// Reports a call's end exactly once, however it ends: it is dropped with it.
#[derive(Debug)]
pub(super) struct CallGuard {
    tracker: Arc<dyn CallTracker>,
    outcome: CallOutcome,
}

impl CallGuard {
    /// The call begins.
    pub(super) fn start(tracker: &Arc<dyn CallTracker>) -> Self {
        tracker.call_started();
        Self {
            tracker: Arc::clone(tracker),
            outcome: CallOutcome::default(),
        }
    }

    /// Whether a connection has it, or gave it back.
    pub(super) fn set_sent(&mut self, sent: bool) {
        self.outcome.sent = sent;
    }

    /// The peer answered.
    pub(super) fn received(&mut self) {
        self.outcome.received = true;
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.tracker.call_finished(self.outcome);
    }
}
