//! Ending the open streams of a balancer that is being shut down, a few at a time: their
//! clients reconnect at once, and the other replicas should get them one by one.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::table::Table;

/// Streams draw a phase below this.
const PHASES: u32 = 1 << 16;

/// How many waves a drain has.
const WAVES: u32 = 100;

/// Which streams have to end.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    begun: CancellationToken,
    /// Streams of a phase below this end.
    below: AtomicU32,
}

impl Drain {
    /// New streams are refused from now on.
    pub(crate) fn begin(&self) {
        self.begun.cancel();
    }

    /// Waits for that.
    pub(crate) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Whether a stream of this phase has to end.
    pub(crate) fn has_ended(&self, phase: u16) -> bool {
        u32::from(phase) < self.below.load(SeqCst)
    }

    /// Ends all streams, evenly over `time`.
    pub(crate) async fn end_streams(&self, table: &Table, time: Duration) {
        let start = Instant::now();
        for wave in 1..=WAVES {
            sleep_until(start + time * wave / WAVES).await;
            let below = PHASES * wave / WAVES;
            let from = self.below.swap(below, SeqCst);
            for service in table.all() {
                service.topic().wake_phases(from, below);
            }
        }
    }
}
