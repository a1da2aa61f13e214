use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use lookaside_core::Probe;
use lookaside_server::{ProbeError, Prober, Target};

/// Says whether the backends are alive, of which there is not one behind these addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestProber {
    alive: Arc<AtomicBool>,
}

impl TestProber {
    /// From now on all are, or none is.
    pub(crate) fn set_alive(&self, alive: bool) {
        self.alive.store(alive, Relaxed);
    }
}

#[async_trait::async_trait]
impl Prober for TestProber {
    async fn probe(&self, _: &Target, _: &Probe, _: Duration) -> Result<(), ProbeError> {
        match self.alive.load(Relaxed) {
            true => Ok(()),
            false => Err(ProbeError::Refused),
        }
    }
}
