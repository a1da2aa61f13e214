use std::{sync::Arc, time::Duration};

use lookaside_core::Probe;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{NetworkProber, ProbeError, Prober, Target};

/// How many probes of a balancer are in flight at once, whoever asked for them: a fleet
/// that answers nothing would otherwise take all of its open files.
pub const MAX_PROBES: usize = 256;

/// All probes of a balancer: a [`Prober`], asked by few at a time. Clones share it.
#[derive(Clone, Debug)]
pub struct Probes {
    prober: Arc<dyn Prober>,
    permits: Arc<Semaphore>,
}

impl Probes {
    /// Probes through `prober`, [`MAX_PROBES`] at a time.
    pub fn new(prober: Arc<dyn Prober>) -> Self {
        Self {
            prober,
            permits: Arc::new(Semaphore::new(MAX_PROBES)),
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
        let _permit = self.turn().await?;
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

    /// A turn, if nobody waits for one.
    pub(crate) fn try_turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// Waits for a turn; first come, first served.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, ProbeError> {
        let permits = Arc::clone(&self.permits);
        // It is never closed.
        let closed = |_| ProbeError::Local("the pool of probes is closed".into());
        permits.acquire_owned().await.map_err(closed)
    }
}

impl Default for Probes {
    /// Over the network.
    fn default() -> Self {
        Self::new(Arc::new(NetworkProber::default()))
    }
}
