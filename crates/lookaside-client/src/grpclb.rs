//! The `grpclb` policy: follows the list that a balancer streams (`grpc.lb.v1`).
//!
//! ```text
//!              ┌── stream task: one BalanceLoad stream over a pick_first channel
//!   events ◀───┘   (reopens it, sends load reports)
//!     │
//!     ▼
//!   policy ──▶ fallback machine: connecting, balancer or fallback?
//!     ├── child of the list       ──┐
//!     └── child of the fallback   ──┴──▶ the published picker (drops before, tokens with)
//! ```

mod child;
mod config;
mod events;
mod fallback;
#[cfg(feature = "fuzzing")]
mod fuzzing;
mod list;
mod listed;
mod picker;
mod policy;
mod reopen;
mod stats;
mod stream;

use std::{fmt, time::Duration};

use http::HeaderValue;

#[cfg(feature = "fuzzing")]
pub use self::fuzzing::fuzz_response;
use crate::{
    Policy, PolicyBuilder, PolicyOptions,
    observer::Observers,
    policy::PolicyChoice,
    subchannel::{KeepAlive, PoolSettings},
};

/// On the balancer channel, also between streams: a balancer that vanished without a
/// word must be noticed while its stream is silent (grpc-go's values).
pub(crate) const KEEP_ALIVE: KeepAlive = KeepAlive {
    interval: Duration::from_secs(20),
    timeout: Duration::from_secs(10),
    without_calls: true,
};

/// What the policy needs to know. The first three are what a configuration may change.
#[derive(Clone)]
pub(crate) struct GrpclbSettings {
    /// The name in the initial request.
    pub(crate) service: String,
    /// How calls are spread over a list or the fallback addresses.
    pub(crate) child: PolicyChoice,
    pub(crate) fallback_timeout: Duration,
    pub(crate) min_report_interval: Duration,
    /// Of the balancer channel.
    pub(crate) user_agent: HeaderValue,
    pub(crate) pool: PoolSettings,
    pub(crate) observers: Observers,
}

impl GrpclbSettings {
    /// All three stock clients wait so long for the first list.
    pub(crate) const FALLBACK_TIMEOUT: Duration = Duration::from_secs(10);
    /// C-core's.
    pub(crate) const MIN_REPORT_INTERVAL: Duration = Duration::from_secs(1);
}

/// Makes `grpclb` policies.
pub(crate) struct GrpclbBuilder {
    settings: GrpclbSettings,
    /// Those that a configuration may name as child.
    #[cfg(feature = "service-config")]
    policies: crate::PolicyRegistry,
}

impl GrpclbBuilder {
    pub(crate) fn new(
        settings: GrpclbSettings,
        #[cfg(feature = "service-config")] policies: crate::PolicyRegistry,
    ) -> Self {
        Self {
            settings,
            #[cfg(feature = "service-config")]
            policies,
        }
    }
}

impl fmt::Debug for GrpclbBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grpclb({:?})", self.settings.child.builder)
    }
}

impl PolicyBuilder for GrpclbBuilder {
    fn name(&self) -> &str {
        "grpclb"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        Box::new(policy::Grpclb::new(self.settings.clone(), options))
    }

    #[cfg(feature = "service-config")]
    fn parse_config(&self, json: &str) -> Result<crate::PolicyConfig, String> {
        crate::PolicyConfig::parsed(config::GrpclbConfig::parse(json, &self.policies))
    }
}
