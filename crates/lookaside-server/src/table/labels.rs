use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use lookaside_core::{Drops, ReportDelta, ReportTotals};

/// How many services have a label of their own in metrics. Each is some 20 series on every
/// scrape of every balancer; a fleet with more services than this looks at them one by one
/// (`lookaside service`), and at what they have in common.
pub(crate) const MAX_LABELLED: usize = 500;

/// The label of all services that have none of their own.
pub(crate) const OTHER: &str = "other";

/// Which services metrics name. Whoever is first has a label until the service is
/// forgotten; names that only clients use never have one.
#[derive(Debug)]
pub(crate) struct Labels {
    free: AtomicUsize,
    /// Of services without: a sum that never falls, whoever of them is forgotten.
    other: Mutex<ReportTotals>,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            free: AtomicUsize::new(MAX_LABELLED),
            other: Mutex::default(),
        }
    }
}

impl Labels {
    /// Takes a label, if there is one left.
    pub(super) fn take(&self) -> bool {
        self.free
            .fetch_update(Relaxed, Relaxed, |free| free.checked_sub(1))
            .is_ok()
    }

    pub(super) fn give_back(&self) {
        self.free.fetch_add(1, Relaxed);
    }

    /// Adds the report of a service that has no label.
    pub(super) fn report(&self, delta: &ReportDelta, drops: &Drops) {
        self.other
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(delta, drops);
    }

    /// What clients of services without a label have reported.
    pub(crate) fn other_reports(&self) -> ReportTotals {
        self.other
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
