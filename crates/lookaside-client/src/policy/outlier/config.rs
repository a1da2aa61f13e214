use lookaside_core::{FailurePercentageEjection, SuccessRateEjection};

use super::OutlierDetection;
use crate::{
    PolicyRegistry,
    service_config::{JsonError, Node, document},
};

impl OutlierDetection {
    /// Reads the configuration of A50. What it does not say stays. `policies`: those that the
    /// child may be.
    pub(super) fn configured(
        mut self,
        json: &str,
        policies: &PolicyRegistry,
    ) -> Result<Self, JsonError> {
        let document = document(json)?;
        let root = Node::root(&document);
        let settings = &mut self.settings;
        let durations = [
            ("interval", &mut settings.interval),
            ("baseEjectionTime", &mut settings.base_ejection_time),
            ("maxEjectionTime", &mut settings.max_ejection_time),
        ];
        for (name, value) in durations {
            if let Some(node) = root.field(name)? {
                *value = node.duration()?;
            }
        }
        counts(
            &root,
            [("maxEjectionPercent", &mut settings.max_ejection_percent)],
        )?;
        if let Some(rule) = root.field("successRateEjection")? {
            settings.success_rate = Some(success_rate(&rule)?);
        }
        if let Some(rule) = root.field("failurePercentageEjection")? {
            settings.failure_percentage = Some(failure_percentage(&rule)?);
        }
        settings.check().map_err(|error| root.error(error))?;
        if let Some(list) = root.field("childPolicy")? {
            self.child = policies.choose(&list)?;
        }
        Ok(self)
    }
}

fn success_rate(rule: &Node<'_>) -> Result<SuccessRateEjection, JsonError> {
    let mut read = SuccessRateEjection::default();
    let fields = [
        ("stdevFactor", &mut read.stdev_factor),
        ("enforcementPercentage", &mut read.enforcement_percentage),
        ("minimumHosts", &mut read.minimum_hosts),
        ("requestVolume", &mut read.request_volume),
    ];
    counts(rule, fields)?;
    Ok(read)
}

fn failure_percentage(rule: &Node<'_>) -> Result<FailurePercentageEjection, JsonError> {
    let mut read = FailurePercentageEjection::default();
    let fields = [
        ("threshold", &mut read.threshold),
        ("enforcementPercentage", &mut read.enforcement_percentage),
        ("minimumHosts", &mut read.minimum_hosts),
        ("requestVolume", &mut read.request_volume),
    ];
    counts(rule, fields)?;
    Ok(read)
}

fn counts<const N: usize>(node: &Node<'_>, fields: [(&str, &mut u32); N]) -> Result<(), JsonError> {
    for (name, value) in fields {
        if let Some(node) = node.field(name)? {
            *value = node.count32()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
