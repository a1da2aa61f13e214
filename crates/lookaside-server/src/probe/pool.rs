use std::{sync::Arc, time::Duration};

use lookaside_core::Probe;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{NetworkProber, ProbeError, Prober, Target};

/// How many probes of a balancer are in flight at once, whoever asked for them: a fleet
/// that answers nothing would otherwise take all of its open files.
pub const MAX_PROBES: usize = 256;

/// How many of them health checks have: whether backends that vanish together are still
/// there (which holds up their lists) is found out at once, however many addresses say
/// nothing to their health checks.
pub(crate) const MAX_HEALTH_PROBES: usize = MAX_PROBES / 4 * 3;

/// All probes of a balancer: a [`Prober`], asked by few at a time. Clones share it.
#[derive(Clone, Debug)]
pub struct Probes {
    prober: Arc<dyn Prober>,
    permits: Arc<Semaphore>,
    health: Arc<Semaphore>,
}

/// The right to make one probe, until it is dropped.
#[derive(Debug)]
pub(crate) struct HealthTurn {
    _of_health: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Probes {
    /// Probes through `prober`, [`MAX_PROBES`] at a time.
    pub fn new(prober: Arc<dyn Prober>) -> Self {
        Self {
            prober,
            permits: Arc::new(Semaphore::new(MAX_PROBES)),
            health: Arc::new(Semaphore::new(MAX_HEALTH_PROBES)),
        }
    }

    /// Waits for its turn, then asks one backend once. `timeout` does not count the wait.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub async fn probe(
        &self,
        target: &Target,
        probe: &Probe,
        timeout: Duration,
    ) -> Result<(), ProbeError> {
        let _permit = turn(&self.permits).await?;
        self.ask(target, probe, timeout).await
    }

    /// As [`Probes::probe`], for who has a turn.
    pub(crate) async fn ask(
        &self,
        target: &Target,
        probe: &Probe,
        timeout: Duration,
    ) -> Result<(), ProbeError> {
        self.prober.probe(target, probe, timeout).await
    }

    /// A turn for a health check, if there is one now.
    pub(crate) fn try_health_turn(&self) -> Option<HealthTurn> {
        let now = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_owned().ok();
        Some(HealthTurn {
            _of_health: now(&self.health)?,
            _of_all: now(&self.permits)?,
        })
    }

    /// Waits for a turn for a health check; first come, first served.
    pub(crate) async fn health_turn(&self) -> Result<HealthTurn, ProbeError> {
        Ok(HealthTurn {
            _of_health: turn(&self.health).await?,
            _of_all: turn(&self.permits).await?,
        })
    }
}

async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ProbeError> {
    // It is never closed.
    let closed = |_| ProbeError::Local("the pool of probes is closed".into());
    Arc::clone(of).acquire_owned().await.map_err(closed)
}

impl Default for Probes {
    /// Over the network.
    fn default() -> Self {
        Self::new(Arc::new(NetworkProber::default()))
    }
}
