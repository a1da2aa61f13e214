//! Ending open streams of a balancer that goes on serving, because an operator says so.
//!
//! Their clients open the next one with no delay at all, so what protects the balancers
//! that they come to is the rate alone.

mod chosen;
mod pace;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::chosen::Chosen;
use self::pace::Pace;

/// Streams a second, where nothing else is said: a fiftieth of what a balancer admits by
/// default.
pub(crate) const DEFAULT_RATE: u32 = 100;

/// As many as anybody may ask for: above what a balancer admits by default, and 50,000
/// streams in 5 seconds.
pub(crate) const MAX_RATE: u32 = 10_000;

/// Lets one order at a time end streams: two at once would be twice the rate.
#[derive(Debug, Default)]
pub(crate) struct EndStreams {
    running: Mutex<Option<Arc<Run>>>,
}

/// The order that is being carried out.
#[derive(Debug)]
struct Run {
    by: String,
    begun: Instant,
    replaced: CancellationToken,
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) total: usize,
    pub(crate) ended: usize,
    /// Had closed by themselves when their turn came.
    pub(crate) gone: usize,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, ended, gone } = self;
        write!(f, "ended {ended} of {total}, {gone} had gone")
    }
}

/// Another order is being carried out.
#[derive(Debug, thiserror::Error)]
#[error("streams are being ended already, by {by:?} for {seconds} s: wait, or replace that order")]
pub(crate) struct Busy {
    by: String,
    seconds: u64,
}

/// Somebody else's order has taken the place of this one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("another order to end streams took the place of this one")]
pub(crate) struct Replaced;

/// The right to end streams; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Turn {
    all: Arc<EndStreams>,
    run: Arc<Run>,
}

impl EndStreams {
    /// Takes the turn, from whoever has it if `replace` says so.
    pub(crate) fn begin(self: &Arc<Self>, by: &str, replace: bool) -> Result<Turn, Busy> {
        let mut running = self.lock();
        if let Some(other) = &*running {
            if !replace {
                return Err(Busy {
                    by: other.by.clone(),
                    seconds: other.begun.elapsed().as_secs(),
                });
            }
            other.replaced.cancel();
        }
        let run = Arc::new(Run {
            by: by.to_owned(),
            begun: Instant::now(),
            replaced: CancellationToken::new(),
        });
        *running = Some(Arc::clone(&run));
        Ok(Turn {
            all: Arc::clone(self),
            run,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Run>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Ends these streams, so many a second, and says how far it is.
    ///
    /// # Errors
    /// When another order takes its place.
    pub(crate) async fn end(
        self,
        mut chosen: Chosen,
        per_second: u32,
        progress: &watch::Sender<Progress>,
        mut rng: fastrand::Rng,
    ) -> Result<(), Replaced> {
        let mut pace = Pace::new(per_second);
        let mut last = Instant::now();
        loop {
            if self.run.replaced.is_cancelled() {
                return Err(Replaced);
            }
            let now = Instant::now();
            let (ended, gone) = chosen.end(pace.take(now - last));
            last = now;
            progress.send_modify(|it| {
                it.ended += ended;
                it.gone += gone;
            });
            if chosen.len() == 0 {
                return Ok(());
            }
            tokio::select! {
                () = self.run.replaced.cancelled() => {}
                () = sleep(pace.wait(&mut rng)) => {}
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.all.lock();
        if running
            .as_ref()
            .is_some_and(|run| Arc::ptr_eq(run, &self.run))
        {
            *running = None;
        }
    }
}

#[cfg(test)]
mod tests;
