use super::WeightedRoundRobin;
use crate::service_config::{JsonError, Node, document};

impl WeightedRoundRobin {
    /// Reads the configuration of A58 and A114. What it does not say stays.
    pub(super) fn configured(mut self, json: &str) -> Result<Self, JsonError> {
        let document = document(json)?;
        let root = Node::root(&document);
        if let Some(enable) = root.field("enableOobLoadReport")? {
            self = self.enable_oob_load_report(enable.bool()?);
        }
        if let Some(period) = root.field("oobReportingPeriod")? {
            self = self.oob_reporting_period(period.duration()?);
        }
        if let Some(period) = root.field("blackoutPeriod")? {
            self = self.blackout_period(period.duration()?);
        }
        if let Some(period) = root.field("weightExpirationPeriod")? {
            self = self.weight_expiration_period(period.duration()?);
        }
        if let Some(period) = root.field("weightUpdatePeriod")? {
            self = self.weight_update_period(period.duration()?);
        }
        if let Some(penalty) = root.field("errorUtilizationPenalty")? {
            self = self.error_utilization_penalty(penalty.amount()?);
        }
        if let Some(names) = root.field("metricNamesForComputingUtilization")? {
            let names = names.list("a list of metrics' names")?;
            let names = names.iter().map(|name| name.string("a metric's name"));
            let names = names.collect::<Result<Vec<_>, _>>()?;
            self = self.metric_names_for_computing_utilization(names);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
