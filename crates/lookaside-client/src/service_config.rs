//! Service configs: what a service's owner asks of its clients, as JSON that gRPC defines
//! (`grpc.service_config.ServiceConfig`).
//!
//! Unknown fields are ignored, since a config is written for many clients, older and newer
//! ones. A known field of the wrong type makes the whole config invalid, and an invalid one
//! changes nothing (A21).

mod duration;
mod json;
mod methods;
mod parse;
#[cfg(feature = "retry")]
mod retry_policy;
mod source;
#[cfg(feature = "retry")]
mod throttle;

use std::sync::Arc;

pub(crate) use json::{JsonError, Node, document};
pub(crate) use methods::{MethodConfig, MethodTable};
#[cfg(feature = "retry")]
pub(crate) use retry_policy::RetryPolicy;
pub(crate) use source::{CallConfig, ConfigSource};
#[cfg(feature = "retry")]
pub(crate) use throttle::{RetryThrottle, ThrottleSettings};

use crate::policy::PolicyChoice;

/// A service config, checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceConfig {
    /// The policy it asks for; otherwise it is the channel's own.
    pub(crate) policy: Option<PolicyChoice>,
    /// What it says of calls.
    pub(crate) methods: Arc<MethodTable>,
    /// What keeps retries from making an overload worse.
    #[cfg(feature = "retry")]
    pub(crate) throttling: Option<ThrottleSettings>,
    /// The service whose health decides whether a connection is used (A17).
    #[cfg_attr(
        not(any(test, feature = "health")),
        expect(dead_code, reason = "nobody asks for it")
    )]
    pub(crate) health_service: Option<Arc<str>>,
}
