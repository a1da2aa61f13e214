//! What a backend embeds to be found.
//!
//! An [`Agent`] records a backend, through a balancer by default, and keeps it
//! recorded for as long as the agent lives: it renews at a third of the time to live,
//! moves to the next balancer when one fails, registers again when the registration is
//! gone, and never gives up. [`Agent::shutdown`] takes the backend out without losing
//! a call. A [`TokenCheck`] tells calls that come by a balancer's list from others, and
//! can refuse these; [`LbToken`] is the token of a call.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use lookaside_agent::{Agent, Target};
//!
//! let agent = Agent::builder("orders", "10.0.0.5:50051")
//!     .weight(200)
//!     .zone("a")
//!     .register(Target::balancers(["lb-1:7400".parse()?, "lb-2:7400".parse()?])?)?;
//! agent.registered().await;
//! // ... serve; on SIGTERM:
//! agent.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Feature `etcd`: `Target::etcd` registers in etcd itself; needs `protoc` to build.
//! Feature `prometheus`: `PrometheusMetrics` exports how the backend stands and what tokens
//! its calls had.
//! Feature `tls`: `Target::balancers_with_tls` registers in TLS.

mod agent;
mod balancer;
mod builder;
mod claims;
mod connector;
mod keeper;
mod keys;
#[cfg(feature = "prometheus")]
mod metrics;
mod route;
mod state;
mod target;
mod task;
mod token;

pub use lookaside_core::{
    BackendId, HostPort, Key, KeyError, KeyId, KeyRing, KeyRingError, ServiceName, TokenFault,
    TokenVerdict,
};
pub use lookaside_registry::{Claim, Handle, Registered, Registrar, RegistrarError, Registration};
#[cfg(feature = "etcd")]
pub use lookaside_registry_etcd::{ConfigError as EtcdConfigError, EtcdConfig};
#[cfg(feature = "tls")]
pub use lookaside_tls::{ClientTls, ClientTlsError, Identity};

pub use agent::Agent;
pub use balancer::BalancerRegistrar;
pub use builder::{AgentBuilder, AgentError, DEFAULT_DRAIN_TIME};
pub use keys::{KEY_POLL, KeyFileError, KeyFiles, KeyFollower, KeySource, KeySourceError};
#[cfg(feature = "prometheus")]
pub use metrics::PrometheusMetrics;
pub use route::{RouteError, advertised, local_address_towards};
pub use state::AgentState;
pub use target::{Target, TargetError};
pub use token::{
    LbToken, LbTokenFuture, LbTokenLayer, LbTokenService, TokenCheck, TokenCheckBuilder,
    TokenCheckError, TokenCounts, TokenMode, TokenModeError, TokenRefusal,
};
