use std::{fmt, sync::Arc, time::SystemTime};

use lookaside_core::{Plan, ReportTotals};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue},
    metrics::MetricType,
    registry::Unit,
};

use crate::table::{Entry, OTHER, PlanState, Published, Table};

/// What there is to say of each service, read when somebody asks. At most as many have a
/// label of their own as [`Table`] allows.
#[derive(Debug)]
pub(super) struct ServiceMetrics(Arc<Table>);

/// One value of the label `service`.
#[derive(Debug)]
struct Row {
    service: String,
    streams: u64,
    backends: u64,
    suspects: u64,
    addresses: u64,
    slots: u64,
    share_error: f64,
    /// How many services are in each state: one, but for [`OTHER`].
    states: [u64; PlanState::ALL.len()],
    plan_changes: u64,
    changed_at: f64,
    reports: ReportTotals,
}

impl Row {
    fn new(service: String, reports: ReportTotals) -> Self {
        Self {
            service,
            streams: 0,
            backends: 0,
            suspects: 0,
            addresses: 0,
            slots: 0,
            share_error: 0.0,
            states: [0; PlanState::ALL.len()],
            plan_changes: 0,
            changed_at: 0.0,
            reports,
        }
    }

    fn add(&mut self, entry: &Entry, published: Option<&Published>) {
        self.streams += u64::from(entry.streams());
        let Some(published) = published else { return };
        self.backends += published.backends.len() as u64;
        self.suspects += published.suspects.len() as u64;
        if let Plan::List(list) = &*published.plan {
            self.addresses += list.endpoints().len() as u64;
            self.slots += list.slots().len() as u64;
            self.share_error = self.share_error.max(list.largest_error());
        }
        let state = published.state();
        for (is, count) in PlanState::ALL.iter().zip(&mut self.states) {
            *count += u64::from(*is == state);
        }
        self.plan_changes += published.plan_version;
        let changed_at = published.changed_at.duration_since(SystemTime::UNIX_EPOCH);
        let changed_at = changed_at.unwrap_or_default().as_secs_f64();
        self.changed_at = self.changed_at.max(changed_at);
    }
}

impl ServiceMetrics {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self(table)
    }

    /// A row for each service that has a label, then one for the others, if there are any
    /// or were.
    fn rows(&self) -> (Vec<Row>, u64) {
        let labels = self.0.labels();
        let mut other = Row::new(OTHER.to_owned(), labels.other_reports());
        let (mut rows, mut unlabelled) = (Vec::new(), 0);
        for entry in self.0.all() {
            let published = entry.published();
            if entry.is_labelled() {
                let mut row = Row::new(entry.name().to_string(), entry.reports());
                row.add(&entry, published.as_deref());
                rows.push(row);
            } else {
                other.add(&entry, published.as_deref());
                unlabelled += 1;
            }
        }
        if unlabelled > 0 || other.reports.reports > 0 {
            rows.push(other);
        }
        (rows, unlabelled)
    }
}

/// Writes families of samples, one label or two each.
struct Writer<'a, 'b> {
    encoder: &'a mut DescriptorEncoder<'b>,
    rows: &'a [Row],
}

impl Writer<'_, '_> {
    fn gauge<V: EncodeGaugeValue>(
        &mut self,
        (name, help, unit): (&str, &str, Option<&Unit>),
        value: impl Fn(&Row) -> V,
    ) -> fmt::Result {
        let mut family = self
            .encoder
            .encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for row in self.rows {
            let labels = [("service", row.service.as_str())];
            family.encode_family(&labels)?.encode_gauge(&value(row))?;
        }
        Ok(())
    }

    fn counter<V: EncodeCounterValue>(
        &mut self,
        (name, help): (&str, &str),
        value: impl Fn(&Row) -> V,
    ) -> fmt::Result {
        let mut family = self
            .encoder
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for row in self.rows {
            let labels = [("service", row.service.as_str())];
            let mut sample = family.encode_family(&labels)?;
            sample.encode_counter::<[(&str, &str); 0], _, f64>(&value(row), None)?;
        }
        Ok(())
    }

    fn states(&mut self) -> fmt::Result {
        let help = "Whether a service's plan is of this kind; of 'other', how many are.";
        let mut family =
            self.encoder
                .encode_descriptor("service_plan", help, None, MetricType::Gauge)?;
        for row in self.rows {
            for (state, count) in PlanState::ALL.iter().zip(row.states) {
                let labels = [("service", row.service.as_str()), ("state", state.label())];
                family.encode_family(&labels)?.encode_gauge(&count)?;
            }
        }
        Ok(())
    }

    fn drops(&mut self) -> fmt::Result {
        let help = "Calls that clients report to have dropped by the balancer's order.";
        let mut family =
            self.encoder
                .encode_descriptor("calls_dropped", help, None, MetricType::Counter)?;
        for row in self.rows {
            for (category, calls) in row.reports.drops() {
                let labels = [("service", row.service.as_str()), ("category", category)];
                let mut sample = family.encode_family(&labels)?;
                sample.encode_counter::<[(&str, &str); 0], _, f64>(&calls, None)?;
            }
        }
        Ok(())
    }
}

impl Collector for ServiceMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (rows, unlabelled) = self.rows();
        encoder
            .encode_descriptor(
                "services_unlabelled",
                "Known services that share the label 'other'.",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&unlabelled)?;
        encoder
            .encode_descriptor(
                "plans_fingerprint",
                "Says the same on balancers whose services, lists and drops are the same.",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&self.0.fingerprint())?;
        let mut out = Writer {
            encoder: &mut encoder,
            rows: &rows,
        };
        out.gauge(
            ("service_streams", "Open streams of a service.", None),
            |row| row.streams,
        )?;
        let backends = "Backends of a service, whatever their state.";
        out.gauge(("service_backends", backends, None), |row| row.backends)?;
        let suspects = "Backends of a service that vanished from the registry and are kept.";
        out.gauge(("service_suspects", suspects, None), |row| row.suspects)?;
        let addresses = "Addresses in the list of a service.";
        out.gauge(("service_addresses", addresses, None), |row| row.addresses)?;
        let slots = "Slots in the list of a service, drops included.";
        out.gauge(("service_slots", slots, None), |row| row.slots)?;
        let ratio = Unit::Other("ratio".to_owned());
        let error = "The largest difference between an address's share of a list and its weight's.";
        out.gauge(("service_share_error", error, Some(&ratio)), |row| {
            row.share_error
        })?;
        out.states()?;
        let changes = "Plans of a service that were another than the one before.";
        out.counter(("service_plan_changes", changes), |row| row.plan_changes)?;
        let changed = "When the plan of a service last changed.";
        let seconds = Some(&Unit::Seconds);
        out.gauge(("service_changed_timestamp", changed, seconds), |row| {
            row.changed_at
        })?;
        let reports = "Load reports received.";
        out.counter(("service_reports", reports), |row| row.reports.reports)?;
        let started = "Calls that clients report to have begun, dropped ones included.";
        out.counter(("calls_started", started), |row| row.reports.started)?;
        let finished = "Calls that clients report to have ended, dropped ones included.";
        out.counter(("calls_finished", finished), |row| row.reports.finished)?;
        let failed = "Of the finished calls: never reached a server. Drops are not among them.";
        out.counter(("calls_failed_to_send", failed), |row| {
            row.reports.finished_with_client_failed_to_send
        })?;
        let known = "Of the finished calls: known to have reached a server.";
        out.counter(("calls_known_received", known), |row| {
            row.reports.finished_known_received
        })?;
        out.drops()
    }
}

#[cfg(test)]
mod tests;
