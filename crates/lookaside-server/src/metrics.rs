//! What is measured, as OpenMetrics.

mod health;
mod histogram;
mod process;
mod push;
mod registry;
mod removals;
mod seeds;
mod services;
mod state;
mod streams;

use std::sync::Arc;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

pub(crate) use self::{
    health::HealthMetrics, push::PushMetrics, registry::RegistryMetrics, removals::RemovalMetrics,
    streams::StreamEnd,
};
use self::{
    histogram::Histogram, process::ProcessMetrics, services::ServiceMetrics, state::StateMetrics,
    streams::StreamEnds,
};
use crate::{balance_load::Reason, table::Table, tls::HandshakeFailure};

/// The media type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why a connection is closed as soon as it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// There are as many as there may be.
    Balancer,
    /// There are as many from its address as there may be.
    Peer,
    /// There are as many to the admin port as there may be.
    Admin,
    /// There is no descriptor for it.
    Descriptors,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer did not begin with HTTP/2.
    Silent,
    /// It had no request for long.
    Idle,
    /// The peer takes nothing of what is written.
    Stalled,
    /// The peer does not answer PINGs.
    Unresponsive,
    /// The peer broke the rules of HTTP/2, or strained them.
    Protocol,
}

/// Counters and gauges of one balancer.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    connections: Gauge,
    connections_refused: Family<[(&'static str, &'static str); 1], Counter>,
    connections_ended: Family<[(&'static str, &'static str); 1], Counter>,
    pub(crate) streams: Gauge,
    pub(crate) streams_started: Counter,
    streams_refused: Family<[(&'static str, String); 2], Counter>,
    handshakes_failed: Family<[(&'static str, &'static str); 1], Counter>,
    pub(crate) pushes: Counter,
    pub(crate) updates_skipped: Counter,
    pub(crate) streams_stuck: Counter,
    pub(crate) streams_failed: Counter,
    pub(crate) answers_stuck: Counter,
    pub(crate) reports: Counter,
    pub(crate) services: Gauge,
    pub(crate) problems: Gauge,
    pub(crate) ready: Gauge,
    pub(crate) push: Arc<PushMetrics>,
    pub(crate) ends: StreamEnds,
    pub(crate) follow: RegistryMetrics,
    pub(crate) registry_revision: Gauge,
    pub(crate) registry_age_seconds: Gauge,
    pub(crate) removals: RemovalMetrics,
    pub(crate) state: StateMetrics,
    pub(crate) health: HealthMetrics,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("lookaside");
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let connections = gauge("connections", "Open connections to the client port");
        let streams = gauge("streams", "Open BalanceLoad streams that were admitted");
        let services = gauge("services", "Known services");
        let problems = gauge("problems", "Registry keys that could not be read");
        let ready = gauge("ready", "Whether this balancer takes streams");
        let registry_revision = gauge("registry_revision", "Revision of the backends served");
        let registry_age_seconds = gauge(
            "registry_age_seconds",
            "Time since the registry was last known to be as served",
        );
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let streams_started = counter("streams_started", "BalanceLoad streams that were answered");
        let pushes = counter("pushes", "Lists and fallback responses sent");
        let updates_skipped = counter(
            "updates_skipped",
            "Lists that were newer before a slow client had room for them",
        );
        let streams_stuck = counter(
            "streams_stuck",
            "BalanceLoad streams that were ended because their clients do not read",
        );
        let streams_failed = counter(
            "streams_failed",
            "BalanceLoad streams that were ended because of what their clients sent",
        );
        let answers_stuck = counter(
            "answers_stuck",
            "Answers beside BalanceLoad that were cut because their clients do not read",
        );
        let reports = counter("reports", "Load reports received");
        let connections_refused = Family::default();
        registry.register(
            "connections_refused",
            "Connections that were closed as soon as they were accepted, by what there was too little of",
            connections_refused.clone(),
        );
        let connections_ended = Family::default();
        registry.register(
            "connections_ended",
            "Connections that were ended because of what the client did or did not do",
            connections_ended.clone(),
        );
        let streams_refused = Family::default();
        registry.register(
            "streams_refused",
            "BalanceLoad streams that were refused, by reason and status code",
            streams_refused.clone(),
        );
        let handshakes_failed = Family::default();
        registry.register(
            "tls_handshakes_failed",
            "Connections that did not come to speak TLS, by reason",
            handshakes_failed.clone(),
        );
        registry.register(
            "build",
            "The version of this balancer",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register_collector(Box::new(ProcessMetrics));
        let push = Arc::new(PushMetrics::register(&mut registry));
        let ends = StreamEnds::register(&mut registry);
        let follow = RegistryMetrics::register(&mut registry);
        let removals = RemovalMetrics::new(&mut registry);
        let state = StateMetrics::new(&mut registry);
        let health = HealthMetrics::new(&mut registry);
        let metrics = Self {
            registry,
            push,
            ends,
            follow,
            health,
            removals,
            handshakes_failed,
            state,
            connections,
            connections_refused,
            connections_ended,
            streams,
            streams_started,
            streams_refused,
            pushes,
            updates_skipped,
            streams_stuck,
            streams_failed,
            answers_stuck,
            reports,
            services,
            problems,
            ready,
            registry_revision,
            registry_age_seconds,
        };
        metrics.seed();
        metrics
    }

    /// Exports when the certificate ends, too, in Unix time.
    pub(crate) fn of_certificate(&mut self, ends_at: Gauge) {
        for reason in HandshakeFailure::KINDS {
            let _ = self.handshakes_failed.get_or_create(&[("reason", reason)]);
        }
        self.registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When the first certificate of the chain in tls.cert ends, in Unix time",
            Unit::Seconds,
            ends_at,
        );
    }

    /// Exports what there is to say of each service, too.
    pub(crate) fn of_services(&mut self, table: Arc<Table>) {
        let services = Box::new(ServiceMetrics::new(table));
        self.registry.register_collector(services);
    }

    /// Counts a connection until it is dropped.
    pub(crate) fn connection(&self) -> Counted {
        self.connections.inc();
        Counted(self.connections.clone())
    }

    pub(crate) fn connection_refused(&self, why: Crowded) {
        self.connections_refused.get_or_create(&why.labels()).inc();
    }

    pub(crate) fn connection_ended(&self, why: Ended) {
        self.connections_ended.get_or_create(&why.labels()).inc();
    }

    pub(crate) fn stream_refused(&self, reason: Reason, code: tonic::Code) {
        self.streams_refused
            .get_or_create(&reason.labels(code))
            .inc();
    }

    pub(crate) fn handshake_failed(&self, reason: &'static str) {
        self.handshakes_failed
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    /// All of it as text.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a `String` does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// Something that is counted while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
