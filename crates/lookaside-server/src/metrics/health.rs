use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::ProbeError;

/// Of health checks. No label grows with services or backends: who is ejected, and why, is
/// for inspection.
#[derive(Clone, Debug)]
pub(crate) struct HealthMetrics {
    probes: Family<[(&'static str, &'static str); 1], Counter>,
    ejections: Counter,
    returns: Counter,
    checked: Gauge,
    ejected: Gauge,
    pub(crate) panic: Gauge,
    overdue: Gauge<f64, AtomicU64>,
}

impl HealthMetrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("health");
        let metrics = Self {
            probes: Family::default(),
            ejections: Counter::default(),
            returns: Counter::default(),
            checked: Gauge::default(),
            ejected: Gauge::default(),
            panic: Gauge::default(),
            overdue: Gauge::default(),
        };
        for result in ["ok"].into_iter().chain(ProbeError::KINDS) {
            let _ = metrics.probes.get_or_create(&[("result", result)]);
        }
        registry.register(
            "probes",
            "Probes of backends that ended, by result",
            metrics.probes.clone(),
        );
        registry.register(
            "ejections",
            "Addresses ejected by their health check",
            metrics.ejections.clone(),
        );
        registry.register(
            "returns",
            "Ejected addresses that passed their health check again",
            metrics.returns.clone(),
        );
        registry.register(
            "checked",
            "Addresses whose health is checked",
            metrics.checked.clone(),
        );
        registry.register(
            "ejected",
            "Addresses that are ejected",
            metrics.ejected.clone(),
        );
        registry.register(
            "panic_services",
            "Services whose health is ignored, because too few addresses are healthy",
            metrics.panic.clone(),
        );
        registry.register(
            "overdue_seconds",
            "How long the next probe has been waiting for others to end",
            metrics.overdue.clone(),
        );
        metrics
    }

    /// Counts a probe that ended.
    pub(crate) fn probed(&self, result: &Result<(), ProbeError>) {
        let result = result.as_ref().map_or_else(ProbeError::kind, |()| "ok");
        self.probes.get_or_create(&[("result", result)]).inc();
    }

    /// Counts verdicts.
    pub(crate) fn changed(&self, ejected: u64, returned: u64) {
        self.ejections.inc_by(ejected);
        self.returns.inc_by(returned);
    }

    /// How many addresses are checked, and ejected.
    pub(crate) fn count(&self, checked: usize, ejected: usize) {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.checked.set(count(checked));
        self.ejected.set(count(ejected));
    }

    /// How long a probe has been due.
    pub(crate) fn overdue(&self, by: Duration) {
        self.overdue.set(by.as_secs_f64());
    }
}
