use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What following a registry took so far, for metrics.
#[derive(Debug, Default)]
pub struct Activity {
    events: AtomicU64,
    listings: AtomicU64,
    failures: AtomicU64,
    rollbacks: AtomicU64,
}

impl Activity {
    /// Changes of single keys that it told of.
    pub fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    /// How many times everything under a prefix was read.
    pub fn listings(&self) -> u64 {
        self.listings.load(Relaxed)
    }

    /// How many times it could not be followed, and was tried again.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// How many times it went back to an earlier state, or was another one.
    pub fn rollbacks(&self) -> u64 {
        self.rollbacks.load(Relaxed)
    }

    /// It told of so many changes.
    pub fn changed(&self, events: u64) {
        self.events.fetch_add(events, Relaxed);
    }

    /// Everything was read.
    pub fn listed(&self) {
        self.listings.fetch_add(1, Relaxed);
    }

    /// It could not be followed.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    /// It went back.
    pub fn rolled_back(&self) {
        self.rollbacks.fetch_add(1, Relaxed);
    }
}
