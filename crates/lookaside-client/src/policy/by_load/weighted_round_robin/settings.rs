use std::{sync::Arc, time::Duration};

/// The `weighted_round_robin` policy (A58): calls in turn, and more turns to backends that
/// report that they could do more. The weight of a backend is the calls a second that it
/// answers by the share of it that they take:
///
/// ```text
/// weight = qps / (utilization + eps / qps × error penalty)
/// ```
///
/// Backends report it with the trailers of their responses (`endpoint-load-metrics-bin`), or
/// on a stream apart from the calls where that is asked for. Who reports nothing counts as
/// the mean of the others; while fewer than two report, all have equal turns. A weight
/// counts between a hundredth of the median and ten times the median.
///
/// An address that is listed several times has as many times the turns.
///
/// ```
/// use std::time::Duration;
/// use lookaside_client::{PolicyBuilder, WeightedRoundRobin};
///
/// let policy = WeightedRoundRobin::new().blackout_period(Duration::from_secs(5));
/// assert_eq!(policy.name(), "weighted_round_robin");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedRoundRobin {
    enable_oob_load_report: bool,
    oob_reporting_period: Duration,
    blackout_period: Duration,
    weight_expiration_period: Duration,
    weight_update_period: Duration,
    error_utilization_penalty: f64,
    metric_names: Arc<[Box<str>]>,
}

/// A58's: more often would cost more than it could gain.
const LEAST_UPDATE_PERIOD: Duration = Duration::from_millis(100);

impl WeightedRoundRobin {
    /// With A58's defaults.
    pub fn new() -> Self {
        Self {
            enable_oob_load_report: false,
            oob_reporting_period: Duration::from_secs(10),
            blackout_period: Duration::from_secs(10),
            weight_expiration_period: Duration::from_secs(180),
            weight_update_period: Duration::from_secs(1),
            error_utilization_penalty: 1.0,
            metric_names: Arc::default(),
        }
    }

    /// Whether backends report on a stream of its own (`xds.service.orca.v3`), rather than
    /// with their responses. Default false. For calls that are few, or long.
    #[must_use]
    pub fn enable_oob_load_report(mut self, enable: bool) -> Self {
        self.enable_oob_load_report = enable;
        self
    }

    /// How often they are asked to report there; they may do so less often. Default 10 s.
    #[must_use]
    pub fn oob_reporting_period(mut self, period: Duration) -> Self {
        self.oob_reporting_period = period;
        self
    }

    /// How long a backend has to have reported before its reports count: what it says in its
    /// first moments is not what it will be like. Default 10 s.
    #[must_use]
    pub fn blackout_period(mut self, period: Duration) -> Self {
        self.blackout_period = period;
        self
    }

    /// How long a report counts if none follows. Default 3 minutes.
    #[must_use]
    pub fn weight_expiration_period(mut self, period: Duration) -> Self {
        self.weight_expiration_period = period;
        self
    }

    /// How often weights are brought up to date. Default 1 s, at least 100 ms.
    #[must_use]
    pub fn weight_update_period(mut self, period: Duration) -> Self {
        self.weight_update_period = period.max(LEAST_UPDATE_PERIOD);
        self
    }

    /// How busy a backend looks by failing alone: 1 makes one that fails every call look as
    /// busy as one that is fully used. Default 1. What is not a number of at least 0 is
    /// taken for 0.
    #[must_use]
    pub fn error_utilization_penalty(mut self, penalty: f64) -> Self {
        let sound = penalty.is_finite() && penalty > 0.0;
        self.error_utilization_penalty = if sound { penalty } else { 0.0 };
        self
    }

    /// What of a report tells how busy a backend is, unless it reports its
    /// `application_utilization` (A114): the highest of these, each `cpu_utilization`,
    /// `mem_utilization`, `application_utilization` or `named_metrics.` and a name. Default:
    /// none. Where a report has none of them, its `cpu_utilization`.
    #[must_use]
    pub fn metric_names_for_computing_utilization<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Self {
        let names = names.into_iter().map(|name| name.into().into_boxed_str());
        self.metric_names = names.collect();
        self
    }

    pub(super) fn out_of_band(&self) -> Option<Duration> {
        self.enable_oob_load_report
            .then_some(self.oob_reporting_period)
    }

    pub(super) fn blackout(&self) -> Duration {
        self.blackout_period
    }

    pub(super) fn expiration(&self) -> Duration {
        self.weight_expiration_period
    }

    pub(super) fn update_period(&self) -> Duration {
        self.weight_update_period
    }

    pub(super) fn error_penalty(&self) -> f64 {
        self.error_utilization_penalty
    }

    pub(super) fn metric_names(&self) -> &[Box<str>] {
        &self.metric_names
    }
}

impl Default for WeightedRoundRobin {
    fn default() -> Self {
        Self::new()
    }
}
