use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::{Registry, Unit},
};

use super::Histogram;

/// Of the way of a change, from the registry to the last stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct PushMetrics {
    /// From this process hearing of a change to the planner seeing it.
    pub(crate) registry: Histogram,
    /// Until the burst that it is part of has ended.
    pub(crate) merge: Histogram,
    /// Until there is a plan.
    pub(crate) plan: Histogram,
    /// Until it is in wire form.
    pub(crate) encode: Histogram,
    /// Until a stream has taken it, for each.
    pub(crate) send: Histogram,
    /// All of it, to the last stream.
    pub(crate) complete: Histogram,
    /// Changes that a newer one followed before the last stream had them.
    pub(crate) overtaken: Counter,
    pub(crate) bytes: Counter,
    /// What planning takes, whatever comes of it.
    pub(crate) planning: Histogram,
}

impl PushMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let stages =
            Family::<[(&str, &str); 1], Histogram>::new_with_constructor(Histogram::default);
        let stage = |name| stages.get_or_create(&[("stage", name)]).clone();
        let metrics = Self {
            registry: stage("registry"),
            merge: stage("merge"),
            plan: stage("plan"),
            encode: stage("encode"),
            send: stage("send"),
            ..metrics
        };
        registry.register_with_unit(
            "push_stage",
            "How long the parts of a change's way to the clients take",
            Unit::Seconds,
            stages,
        );
        registry.register_with_unit(
            "push",
            "From hearing of a change to the last open stream having taken it",
            Unit::Seconds,
            metrics.complete.clone(),
        );
        registry.register(
            "pushes_overtaken",
            "Changes that were followed by a newer one before the last open stream had them",
            metrics.overtaken.clone(),
        );
        registry.register_with_unit(
            "push",
            "Bytes of lists and fallback responses sent, before HTTP/2",
            Unit::Bytes,
            metrics.bytes.clone(),
        );
        registry.register_with_unit(
            "plan",
            "How long it takes to plan a service, whatever comes of it",
            Unit::Seconds,
            metrics.planning.clone(),
        );
        metrics
    }
}
