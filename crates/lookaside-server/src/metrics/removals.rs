use lookaside_core::Why;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Of backends that vanished from the registry.
#[derive(Clone, Debug)]
pub(crate) struct RemovalMetrics {
    pub(crate) suspects: Gauge,
    pub(crate) mass_removals: Counter,
    left: Family<[(&'static str, &'static str); 1], Counter>,
}

impl RemovalMetrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            suspects: Gauge::default(),
            mass_removals: Counter::default(),
            left: Family::default(),
        };
        for reason in ["returned", "silent", "elsewhere", "held", "off"] {
            let _ = metrics.left.get_or_create(&[("reason", reason)]);
        }
        registry.register(
            "suspects",
            "Backends that vanished from the registry with most others and are kept in lists",
            metrics.suspects.clone(),
        );
        registry.register(
            "mass_removals",
            "Times that more of a service's backends vanished than were believed gone",
            metrics.mass_removals.clone(),
        );
        registry.register(
            "suspects_left",
            "Suspects that are none any more, by reason",
            metrics.left.clone(),
        );
        metrics
    }

    pub(crate) fn left(&self, why: &Why) {
        let reason = match why {
            Why::Returned => "returned",
            Why::Silent => "silent",
            Why::Elsewhere(_) => "elsewhere",
            Why::HeldLongEnough => "held",
            Why::Off => "off",
        };
        self.left.get_or_create(&[("reason", reason)]).inc();
    }
}
