use std::sync::Arc;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Metric, Registry},
};

use super::{Event, ListSummary, LoadReport, Observer};
use crate::{ConnectivityState, Health};

/// A channel's events as Prometheus metrics, each with the label `target`.
///
/// | metric | what |
/// | --- | --- |
/// | `lookaside_client_picks_total` | calls given to a connection; again each time a call is picked again |
/// | `lookaside_client_queued_total` | waits for a connection |
/// | `lookaside_client_pick_failures_total` | calls that failed unsent |
/// | `lookaside_client_drops_total` | calls dropped by the balancer |
/// | `lookaside_client_state{state}`, `lookaside_client_mode{mode}` | 1 for what holds, else 0 |
/// | `lookaside_client_fallbacks_total` | times that fallback was entered |
/// | `lookaside_client_connects_total{outcome}` | attempts to connect: `ready`, `failed` |
/// | `lookaside_client_health_changes_total{health}` | of backends that are connected: `serving`, `not_serving`, `pending` |
/// | `lookaside_client_resolutions_total{outcome}` | words of the resolver: `ok`, `failed` |
/// | `lookaside_client_streams_opened_total`, `lookaside_client_streams_ended_total` | of balancers |
/// | `lookaside_client_lists_total`, `lookaside_client_list_changes_total` | lists received, and those that were another one than the last |
/// | `lookaside_client_list_entries{kind}` | of the newest list: `backend`, `drop`, `problem` |
/// | `lookaside_client_reported_calls_total{kind}` | as reported to balancers: `started`, `finished`, `failed_to_send`, `known_received`, `dropped` |
#[derive(Debug)]
pub struct PrometheusObserver {
    picks: Counter,
    queued: Counter,
    failures: Counter,
    drops: Counter,
    state: Family<Labels, Gauge>,
    mode: Family<Labels, Gauge>,
    fallbacks: Counter,
    connects: Family<Labels, Counter>,
    health: Family<Labels, Counter>,
    resolutions: Family<Labels, Counter>,
    streams_opened: Counter,
    streams_ended: Counter,
    lists: Counter,
    list_changes: Counter,
    list_entries: Family<Labels, Gauge>,
    reported: Family<Labels, Counter>,
}

type Labels = [(&'static str, &'static str); 1];

impl PrometheusObserver {
    /// Metrics of the channel to `target`, in `registry`. For
    /// [`Builder::observer`](crate::Builder::observer).
    pub fn register(registry: &mut Registry, target: impl Into<String>) -> Arc<Self> {
        let label = ("target".into(), target.into().into());
        let registry = registry
            .sub_registry_with_prefix("lookaside_client")
            .sub_registry_with_label(label);
        let mut metrics = Metrics(registry);
        Arc::new(Self {
            picks: metrics.add("picks", "Calls given to a connection"),
            queued: metrics.add("queued", "Waits of calls for a connection"),
            failures: metrics.add("pick_failures", "Calls that failed unsent"),
            drops: metrics.add("drops", "Calls dropped by the balancer"),
            state: metrics.add("state", "The connectivity state: 1 for what holds"),
            mode: metrics.add("mode", "Where addresses come from: 1 for what holds"),
            fallbacks: metrics.add("fallbacks", "Times that fallback was entered"),
            connects: metrics.add("connects", "Attempts to connect"),
            health: metrics.add("health_changes", "Changes of backends' health"),
            resolutions: metrics.add("resolutions", "Words of the resolver"),
            streams_opened: metrics.add("streams_opened", "Streams of balancers that began"),
            streams_ended: metrics.add("streams_ended", "Streams of balancers that ended"),
            lists: metrics.add("lists", "Lists of balancers"),
            list_changes: metrics.add("list_changes", "Lists that differ from the last"),
            list_entries: metrics.add("list_entries", "Entries of the newest list"),
            reported: metrics.add("reported_calls", "Calls as reported to balancers"),
        })
    }

    fn list(&self, list: &ListSummary) {
        self.lists.inc();
        self.list_changes.inc_by(list.changed.into());
        let kinds = [
            ("backend", list.backends),
            ("drop", list.drops),
            ("problem", list.problems),
        ];
        for (kind, entries) in kinds {
            let entries = i64::try_from(entries).unwrap_or(i64::MAX);
            self.list_entries
                .get_or_create(&[("kind", kind)])
                .set(entries);
        }
    }

    fn report(&self, report: &LoadReport) {
        let kinds = [
            ("started", report.started),
            ("finished", report.finished),
            ("failed_to_send", report.failed_to_send),
            ("known_received", report.known_received),
            ("dropped", report.dropped),
        ];
        for (kind, calls) in kinds {
            let calls = u64::try_from(calls).unwrap_or_default();
            self.reported.get_or_create(&[("kind", kind)]).inc_by(calls);
        }
    }
}

impl Observer for PrometheusObserver {
    fn observe(&self, event: &Event<'_>) {
        match event {
            // Those of calls take no lock.
            Event::Picked { .. } => {
                self.picks.inc();
            }
            Event::Queued => {
                self.queued.inc();
            }
            Event::PickFailed { .. } => {
                self.failures.inc();
            }
            Event::Dropped { .. } => {
                self.drops.inc();
            }
            Event::State { from, to } => hold(&self.state, "state", from.as_str(), to.as_str()),
            Event::Mode { from, to } => hold(&self.mode, "mode", from.as_str(), to.as_str()),
            Event::Fallback { .. } => {
                self.fallbacks.inc();
            }
            Event::Subchannel { state, .. } => {
                let outcome = match state.connectivity {
                    ConnectivityState::Ready => "ready",
                    ConnectivityState::TransientFailure => "failed",
                    _ => return,
                };
                count(&self.connects, "outcome", outcome);
            }
            Event::Health { state, .. } => {
                let health = match state.health {
                    Health::Serving => "serving",
                    Health::NotServing => "not_serving",
                    Health::Pending => "pending",
                    // It is not asked for any more.
                    Health::Unchecked => return,
                };
                count(&self.health, "health", health);
            }
            Event::Resolved {
                addresses,
                balancers,
            } => {
                let ok = addresses.is_ok() && balancers.is_ok();
                count(
                    &self.resolutions,
                    "outcome",
                    if ok { "ok" } else { "failed" },
                );
            }
            Event::StreamOpened => {
                self.streams_opened.inc();
            }
            Event::StreamEnded { .. } => {
                self.streams_ended.inc();
            }
            Event::List(list) => self.list(list),
            Event::Report(report) => self.report(report),
        }
    }
}

/// Where metrics are registered.
struct Metrics<'r>(&'r mut Registry);

impl Metrics<'_> {
    fn add<M: Metric + Default + Clone>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }
}

fn hold(family: &Family<Labels, Gauge>, label: &'static str, from: &'static str, to: &'static str) {
    family.get_or_create(&[(label, from)]).set(0);
    family.get_or_create(&[(label, to)]).set(1);
}

fn count(family: &Family<Labels, Counter>, label: &'static str, value: &'static str) {
    family.get_or_create(&[(label, value)]).inc();
}
