//! Feature `outlier`: ejection of outliers (A50), around any policy.
//!
//! ```text
//! addresses ──▶ outlier ──▶ child: every subchannel it asks for is one of a host's
//!                 ▲            │ picker
//!   sweep ────────┤            ▼
//!   (interval)    └── tallies ◀── the calls that are picked
//! ```
//!
//! Who is ejected is TRANSIENT_FAILURE for the child, whatever its connection is.

#[cfg(feature = "service-config")]
mod config;
mod controller;
mod hosts;
mod picker;
mod policy;
mod tally;

use std::sync::Arc;

use lookaside_core::{OutlierSettings, OutlierSettingsError};

use self::policy::Outlier;
use super::{ChildPolicy, Policy, PolicyBuilder, PolicyChoice, PolicyOptions};
#[cfg(feature = "service-config")]
use super::{PolicyConfig, PolicyRegistry};

/// The `outlier_detection` policy (A50): spreads calls as another policy does, but takes
/// backends out of use for a while whose calls fare worse than those of the others.
///
/// Any status but OK is a failure. Calls that were never sent, and those that their caller
/// gave up on, say nothing of the backend.
///
/// ```
/// use lookaside_client::{
///     Channel, ChildPolicy, FailurePercentageEjection, OutlierDetection, OutlierSettings,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = OutlierSettings {
///     failure_percentage: Some(FailurePercentageEjection::default()),
///     ..OutlierSettings::default()
/// };
/// let policy = OutlierDetection::new(settings, ChildPolicy::RoundRobin)?;
/// let builder = Channel::builder("orders").child_policy(policy);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OutlierDetection {
    settings: OutlierSettings,
    child: PolicyChoice,
}

impl OutlierDetection {
    /// Ejects by these settings, and spreads calls by `child`. With default settings nobody
    /// is ejected: name at least one of the two rules.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn new(
        settings: OutlierSettings,
        child: impl PolicyBuilder,
    ) -> Result<Self, OutlierSettingsError> {
        settings.check()?;
        Ok(Self {
            settings,
            child: PolicyChoice::new(Arc::new(child)),
        })
    }
}

/// Ejects nobody, over `round_robin`: what is left for a configuration to say.
impl Default for OutlierDetection {
    fn default() -> Self {
        Self {
            settings: OutlierSettings::default(),
            child: PolicyChoice::new(Arc::new(ChildPolicy::RoundRobin)),
        }
    }
}

impl PolicyBuilder for OutlierDetection {
    fn name(&self) -> &str {
        "outlier_detection"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        Box::new(Outlier::new(self.clone(), options))
    }

    #[cfg(feature = "service-config")]
    fn parse_config(&self, json: &str) -> Result<PolicyConfig, String> {
        self.parse_config_among(json, &PolicyRegistry::new())
    }

    #[cfg(feature = "service-config")]
    fn parse_config_among(
        &self,
        json: &str,
        policies: &PolicyRegistry,
    ) -> Result<PolicyConfig, String> {
        PolicyConfig::parsed(self.clone().configured(json, policies))
    }
}
