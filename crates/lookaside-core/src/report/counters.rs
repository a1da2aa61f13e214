use std::{collections::BTreeMap, sync::PoisonError};

use super::ReportDelta;
use crate::{
    Token,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// The counters of one stream's load reports. Counting takes no lock and is exact: every
/// event is in exactly one report, whatever runs beside it.
///
/// Over all reports so far, no part is ever ahead of its whole (finished calls of the
/// started, dropped ones of the finished): the whole is counted first and taken last.
#[derive(Debug, Default)]
pub struct CallCounters {
    started: AtomicU64,
    finished: AtomicU64,
    failed_to_send: AtomicU64,
    known_received: AtomicU64,
    /// Locked when a list arrives and when a report is made, never by a call.
    drops: Mutex<BTreeMap<Token, Arc<AtomicU64>>>,
}

/// Counts the drops of one token; held by the pickers of the lists that have it.
#[derive(Clone, Debug)]
pub struct DropCounter(Arc<AtomicU64>);

impl CallCounters {
    /// All zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// A call was given to a backend.
    pub fn call_started(&self) {
        self.started.fetch_add(1, Relaxed);
    }

    /// A started call ended. `failed_to_send`: it never reached a server.
    /// `known_received`: something came back from one.
    pub fn call_finished(&self, failed_to_send: bool, known_received: bool) {
        // Release, here and below: whoever takes this count sees those before it.
        self.finished.fetch_add(1, Release);
        if failed_to_send {
            self.failed_to_send.fetch_add(1, Release);
        }
        if known_received {
            self.known_received.fetch_add(1, Release);
        }
    }

    /// A call met a drop: it counts as started and finished.
    pub fn call_dropped(&self, drop: &DropCounter) {
        self.started.fetch_add(1, Relaxed);
        self.finished.fetch_add(1, Release);
        drop.0.fetch_add(1, Release);
    }

    /// The counter of a drop's token, the same one for the same token. Takes a lock:
    /// call it once per list, not per call.
    pub fn drop_counter(&self, token: &Token) -> DropCounter {
        let mut drops = self.drops.lock().unwrap_or_else(PoisonError::into_inner);
        DropCounter(Arc::clone(drops.entry(*token).or_default()))
    }

    /// Forgets the counters that no list holds any more and that have nothing to report.
    /// Takes a lock, as [`CallCounters::drop_counter`] does.
    pub fn forget_unused(&self) {
        let mut drops = self.drops.lock().unwrap_or_else(PoisonError::into_inner);
        drops.retain(|_, calls| match Arc::get_mut(calls) {
            Some(calls) => calls.load(Relaxed) > 0,
            None => true,
        });
    }

    /// What happened since the last `take`. Counters that no list holds any more are
    /// forgotten, so that a balancer cannot make them grow.
    pub fn take(&self) -> ReportDelta {
        let mut drops = self.drops.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        drops.retain(|token, calls| {
            // Unique first: then nobody counts after the swap.
            let held = Arc::get_mut(calls).is_none();
            let calls = take(calls);
            if calls > 0 {
                taken.push((token.as_str().to_owned(), calls));
            }
            held
        });
        let finished_known_received = take(&self.known_received);
        let finished_with_client_failed_to_send = take(&self.failed_to_send);
        let finished = take(&self.finished);
        let started = take(&self.started);
        ReportDelta {
            started,
            finished,
            finished_with_client_failed_to_send,
            finished_known_received,
            drops: taken,
        }
    }
}

fn take(counter: &AtomicU64) -> i64 {
    i64::try_from(counter.swap(0, Acquire)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
