use std::sync::atomic::Ordering::Relaxed;

use lookaside_registry::{Activity, Freshness};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Of the registry, and how it is followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegistryMetrics {
    connecting: Gauge,
    synced: Gauge,
    stale: Gauge,
    /// States that were taken over and had something new.
    pub(crate) changes: Counter,
    events: Counter,
    listings: Counter,
    failures: Counter,
    rollbacks: Counter,
}

impl RegistryMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let states = Family::<[(&str, &str); 1], Gauge>::default();
        let state = |name| states.get_or_create(&[("state", name)]).clone();
        let metrics = Self {
            connecting: state("connecting"),
            synced: state("synced"),
            stale: state("stale"),
            ..Self::default()
        };
        registry.register(
            "registry_state",
            "How the registry is followed: 1 for what is so",
            states,
        );
        registry.register(
            "registry_changes",
            "States of the registry that were taken over and had something new",
            metrics.changes.clone(),
        );
        registry.register(
            "registry_events",
            "Changes of single keys that etcd told of",
            metrics.events.clone(),
        );
        registry.register(
            "registry_listings",
            "Times that everything under a prefix of etcd was read",
            metrics.listings.clone(),
        );
        registry.register(
            "registry_errors",
            "Times that a prefix of etcd could not be followed and was tried again",
            metrics.failures.clone(),
        );
        registry.register(
            "registry_rollbacks",
            "Times that etcd went back to an earlier state or was another one",
            metrics.rollbacks.clone(),
        );
        metrics
    }

    /// Takes over what is so now.
    pub(crate) fn set(&self, freshness: &Freshness, activity: Option<&Activity>) {
        let (connecting, synced, stale) = match freshness {
            Freshness::Connecting { .. } => (1, 0, 0),
            Freshness::Synced { .. } => (0, 1, 0),
            Freshness::Stale { .. } => (0, 0, 1),
        };
        self.connecting.set(connecting);
        self.synced.set(synced);
        self.stale.set(stale);
        let Some(activity) = activity else { return };
        for (counter, value) in [
            (&self.events, activity.events()),
            (&self.listings, activity.listings()),
            (&self.failures, activity.failures()),
            (&self.rollbacks, activity.rollbacks()),
        ] {
            counter.inner().store(value, Relaxed);
        }
    }
}
