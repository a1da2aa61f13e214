//! Asking a backend, once, whether it takes calls: what health checks and the doubt about
//! a mass removal are made of. What is asked and what counts as an answer:
//! `docs/health.md`.

mod error;
mod grpc;
mod network;
mod pool;
mod target;
mod tcp;
mod tls;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use lookaside_core::Probe;

pub(crate) use self::pool::{HealthTurn, MAX_HEALTH_PROBES};
pub use self::{
    error::{ProbeError, Stage},
    network::NetworkProber,
    pool::{MAX_PROBES, Probes},
    target::Target,
    tls::{ProbeTls, TlsError},
};

/// Asks backends. The real one is [`NetworkProber`]; tests and simulations bring theirs.
#[async_trait]
pub trait Prober: fmt::Debug + Send + Sync {
    /// Asks one backend once. Returns within `timeout`, connecting included; dropping the
    /// future gives up at once.
    ///
    /// # Errors
    /// Why the backend is not well, or why it could not be asked
    /// ([`ProbeError::is_local`]).
    async fn probe(
        &self,
        target: &Target,
        probe: &Probe,
        timeout: Duration,
    ) -> Result<(), ProbeError>;
}

#[cfg(test)]
mod tests;
