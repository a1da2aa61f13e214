use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, which ask a process to end. From here on they no longer kill it.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one; gives its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Carries `ending` out, unless another signal comes first.
    ///
    /// # Errors
    /// That signal did come.
    pub(crate) async fn unless_repeated<T>(
        &mut self,
        ending: impl Future<Output = T>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = ending => Ok(done),
            name = self.next() => anyhow::bail!("a second signal ({name}) cut the ending short"),
        }
    }
}
