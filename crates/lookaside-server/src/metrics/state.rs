use std::sync::atomic::Ordering::Relaxed;

use lookaside_registry::{Freshness, saved::SavingStatus};
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// Whether what is served is what the registry says, and whether it is kept for the next
/// start.
#[derive(Debug)]
pub(crate) struct StateMetrics {
    stale: Gauge,
    writes: Counter,
    failures: Counter,
    failing: Gauge,
}

impl StateMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let this = Self {
            stale: Gauge::default(),
            writes: Counter::default(),
            failures: Counter::default(),
            failing: Gauge::default(),
        };
        registry.register(
            "registry_stale",
            "Whether the registry cannot be followed and its last good state is served",
            this.stale.clone(),
        );
        registry.register(
            "state_writes",
            "How many times the registry's state was saved in the state directory",
            this.writes.clone(),
        );
        registry.register(
            "state_write_failures",
            "How many times it could not be saved",
            this.failures.clone(),
        );
        registry.register(
            "state_write_failing",
            "Whether the last attempt to save it failed",
            this.failing.clone(),
        );
        this
    }

    /// Takes over what is so now.
    pub(crate) fn set(&self, freshness: &Freshness, saving: Option<&SavingStatus>) {
        let stale = matches!(freshness, Freshness::Stale { .. });
        self.stale.set(stale.into());
        if let Some(saving) = saving {
            self.writes.inner().store(saving.writes(), Relaxed);
            self.failures.inner().store(saving.failures(), Relaxed);
            self.failing.set(saving.is_failing().into());
        }
    }
}
