#[cfg(feature = "service-config")]
mod parse;

use std::time::Duration;

use lookaside_core::ServiceName;

use super::GrpclbSettings;
use crate::policy::PolicyChoice;

/// What a service config says of grpclb. What it does not say is as the channel was built.
#[derive(Clone, Debug, Default)]
pub(crate) struct GrpclbConfig {
    /// How calls are spread over a list or the fallback addresses.
    pub(crate) child: Option<PolicyChoice>,
    /// The name in the initial request.
    pub(crate) service: Option<ServiceName>,
    /// How long to wait for the first list.
    pub(crate) fallback_timeout: Option<Duration>,
}

/// What holds: the configuration over the channel's settings.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) child: PolicyChoice,
    pub(super) service: String,
    pub(super) fallback_timeout: Duration,
}

impl InForce {
    pub(super) fn new(config: Option<&GrpclbConfig>, settings: &GrpclbSettings) -> Self {
        let GrpclbConfig {
            child,
            service,
            fallback_timeout,
        } = config.cloned().unwrap_or_default();
        Self {
            child: child.unwrap_or_else(|| settings.child.clone()),
            service: service.map_or_else(|| settings.service.clone(), |name| name.to_string()),
            fallback_timeout: fallback_timeout.unwrap_or(settings.fallback_timeout),
        }
    }
}
