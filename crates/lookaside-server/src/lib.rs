//! The balancer as a library: it turns a registry into server lists and streams them to
//! clients over `grpc.lb.v1`.
//!
//! ```text
//! registry ──▶ planner ──▶ encoder ──▶ topic, one per service ──▶ streams ──▶ clients
//! ```
//!
//! Every arrow is one immutable value, and a reader that is slow skips to the newest.

mod access;
mod balance_load;
mod balancer;
mod config;
mod drain;
mod encode;
mod end_streams;
mod ending;
mod grpc;
mod health;
mod http;
mod journey;
mod listener;
mod metrics;
mod peers;
mod planner;
mod probe;
mod readiness;
mod reload;
mod seldom;
mod status;
mod sync;
mod table;
#[cfg(test)]
mod testing;
mod tls;
mod topic;
mod waiters;

pub use access::{Access, Permission, Permissions, Rule, RuleError, UnknownPermission};
pub use balancer::{Balancer, StartError};
pub use config::{
    About, Build, Config, ConfigurationKey, Connections, Limits, Lists, RegistrationLimits,
    Timeouts, Unknown,
};
pub use lookaside_core::{MassRemoval, OnEmpty};
pub use probe::{
    MAX_PROBES, NetworkProber, ProbeError, ProbeTls, Prober, Probes, Stage, Target, TlsError,
};
pub use readiness::Readiness;
pub use reload::{Reload, ReloadOutcome, Reloaded};
pub use tls::{ClientCertificates, Tls, TlsFileError};
