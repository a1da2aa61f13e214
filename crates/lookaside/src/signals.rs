use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

/// A signal that follows another one this soon is the same wish: timeout(1) signals its
/// child and then the whole process group.
const SAME_SIGNAL: Duration = Duration::from_millis(100);

/// SIGHUP, which asks a process to read its files again. From here on it no longer kills
/// it.
#[derive(Debug)]
pub(crate) struct Hangups(Signal);

impl Hangups {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// SIGUSR1 and SIGUSR2, which ask a demo backend to say that it is not well, and that it
/// is.
#[derive(Debug)]
pub(crate) struct HealthSignals {
    unwell: Signal,
    well: Signal,
}

impl HealthSignals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            unwell: signal(SignalKind::user_defined1())?,
            well: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next one; gives whether the backend is to be well.
    pub(crate) async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.unwell.recv() => false,
            _ = self.well.recv() => true,
        }
    }
}

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

    /// Carries `ending` out, unless another signal comes after [`SAME_SIGNAL`].
    ///
    /// # Errors
    /// That signal did come.
    pub(crate) async fn unless_repeated<T>(
        &mut self,
        ending: impl Future<Output = T>,
    ) -> anyhow::Result<T> {
        let again = async {
            let same = timeout(SAME_SIGNAL, async {
                loop {
                    self.next().await;
                }
            });
            let _: Result<(), _> = same.await;
            self.next().await
        };
        tokio::select! {
            done = ending => Ok(done),
            name = again => anyhow::bail!("a second signal ({name}) cut the ending short"),
        }
    }
}
