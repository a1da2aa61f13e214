use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// How saving goes, for metrics.
#[derive(Debug, Default)]
pub struct SavingStatus {
    writes: AtomicU64,
    failures: AtomicU64,
    failing: AtomicBool,
}

impl SavingStatus {
    /// How many times the state was saved.
    pub fn writes(&self) -> u64 {
        self.writes.load(Relaxed)
    }

    /// How many times it could not be.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Whether what is on the disk is not what it should be.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    pub(super) fn saved(&self) {
        self.writes.fetch_add(1, Relaxed);
        self.failing.store(false, Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
        self.failing.store(true, Relaxed);
    }
}
