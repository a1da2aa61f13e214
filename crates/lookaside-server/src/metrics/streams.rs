use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Why a stream that was answered has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// Its client, or the connection, went away.
    Gone,
    /// Its client said that it has nothing more to say.
    HalfClosed,
    /// Its client broke a rule.
    Failed,
    /// Its client did not read.
    Stuck,
    /// The balancer is being shut down, or was told to end it.
    Ended,
}

/// Of streams that have ended: counters that are there from the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamEnds {
    gone: Counter,
    half_closed: Counter,
    failed: Counter,
    stuck: Counter,
    ended: Counter,
}

impl StreamEnds {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let ends = Family::<[(&str, &str); 1], Counter>::default();
        let reason = |name| ends.get_or_create(&[("reason", name)]).clone();
        let metrics = Self {
            gone: reason("gone"),
            half_closed: reason("half_closed"),
            failed: reason("failed"),
            stuck: reason("stuck"),
            ended: reason("ended"),
        };
        registry.register(
            "streams_ended",
            "BalanceLoad streams that have ended after they were answered, by reason",
            ends,
        );
        metrics
    }

    pub(crate) fn count(&self, why: StreamEnd) {
        let counter = match why {
            StreamEnd::Gone => &self.gone,
            StreamEnd::HalfClosed => &self.half_closed,
            StreamEnd::Failed => &self.failed,
            StreamEnd::Stuck => &self.stuck,
            StreamEnd::Ended => &self.ended,
        };
        counter.inc();
    }
}
