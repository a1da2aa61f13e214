use std::{
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use lookaside_core::Probe;
use tokio::time;

use super::{ProbeError, ProbeTls, Prober, Stage, Target, grpc, tcp};

/// Probes over the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkProber {
    tls: ProbeTls,
}

impl NetworkProber {
    /// One that speaks TLS like this where a backend expects it.
    pub fn new(tls: ProbeTls) -> Self {
        Self { tls }
    }

    async fn ask(
        &self,
        target: &Target,
        probe: &Probe,
        timeout: Duration,
        progress: &Progress,
    ) -> Result<(), ProbeError> {
        let stream = tcp::connect(target.addr()).await?;
        tcp::reset(&stream);
        let Probe::Grpc { service, tls } = probe else {
            return Ok(());
        };
        // The kernel's default would have the request wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        if *tls {
            progress.reached(Stage::Handshake);
            let stream = self.tls.connect(stream, target).await?;
            progress.reached(Stage::Answer);
            grpc::check(stream, target, "https", service, timeout).await
        } else {
            progress.reached(Stage::Answer);
            grpc::check(stream, target, "http", service, timeout).await
        }
    }
}

#[async_trait]
impl Prober for NetworkProber {
    async fn probe(
        &self,
        target: &Target,
        probe: &Probe,
        timeout: Duration,
    ) -> Result<(), ProbeError> {
        let progress = Progress::default();
        let asked = time::timeout(timeout, self.ask(target, probe, timeout, &progress)).await;
        asked.unwrap_or_else(|_| {
            Err(ProbeError::Timeout {
                stage: progress.stage(),
                after: timeout,
            })
        })
    }
}

/// How far a probe has come: what it waits for when its time is over.
#[derive(Debug, Default)]
struct Progress(AtomicU8);

impl Progress {
    fn reached(&self, stage: Stage) {
        self.0.store(stage as u8, Relaxed);
    }

    fn stage(&self) -> Stage {
        [Stage::Connect, Stage::Handshake, Stage::Answer]
            .into_iter()
            .find(|stage| *stage as u8 == self.0.load(Relaxed))
            .unwrap_or(Stage::Connect)
    }
}
