use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
    time::{Duration, SystemTime},
};

use lookaside_core::{ReportDelta, ReportFilter};
use lookaside_proto::lb::LoadBalanceRequest;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    Event,
    grpclb::stats::{self, Stats},
    observer::Observers,
};

/// However its stream ends, the last report is settled: also when the client gives it up.
pub(super) struct Reports {
    stats: Arc<Stats>,
    observers: Observers,
    interval: Duration,
    taken: Arc<AtomicBool>,
    next: Instant,
    filter: ReportFilter,
    /// Handed to the stream, but perhaps not yet taken by the connection.
    last: ReportDelta,
}

impl Reports {
    /// Every `interval`, of what `stats` counts. `taken`: whether the connection has taken
    /// what was handed to the stream last.
    pub(super) fn new(
        interval: Duration,
        stats: Arc<Stats>,
        taken: Arc<AtomicBool>,
        observers: Observers,
    ) -> Self {
        Self {
            stats,
            observers,
            interval,
            taken,
            next: Instant::now() + interval,
            filter: ReportFilter::default(),
            last: ReportDelta::default(),
        }
    }

    /// Waits until it is time for the next.
    pub(super) async fn due(&self) {
        sleep_until(self.next).await;
    }

    /// Whether the last one was taken; if so, tells of it, once.
    fn is_taken(&mut self) -> bool {
        let taken = self.taken.load(Acquire);
        if taken && !self.last.is_zero() {
            let last = std::mem::take(&mut self.last);
            self.observers.tell(&Event::Report(stats::summary(&last)));
        }
        taken
    }

    /// Sends what was counted since the last one, if that is worth a report.
    pub(super) fn send(&mut self, requests: &mpsc::Sender<LoadBalanceRequest>) {
        // If not, it is still waiting: the balancer does not read. Nothing is lost.
        if self.is_taken() {
            let delta = self.stats.take();
            if self.filter.should_send(&delta) {
                let request = stats::request(&delta, SystemTime::now());
                self.last = delta;
                self.taken.store(false, Release);
                if requests.try_send(request).is_err() {
                    self.stats.put_back(std::mem::take(&mut self.last));
                }
            }
        }
        self.next = Instant::now() + self.interval;
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        if !self.is_taken() {
            self.stats.put_back(std::mem::take(&mut self.last));
        }
    }
}
