use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::scene::DROP;
use crate::{
    output::code_name,
    probe::{Ended, Sink},
};

/// How long after a backend's death its client may still send to it: until the kernel
/// has told it, which on a busy machine takes a moment.
const NOTICE: Duration = Duration::from_millis(100);

/// More kinds of failure than this are only counted.
const MAX_KINDS: usize = 20;

/// What became of every call.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    totals: Totals,
    measured: Score,
    measured_from: Option<Instant>,
    killed_at: Option<Instant>,
}

/// All calls from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) answered: u64,
    /// Failed at the client because the operator wanted it.
    pub(super) dropped: u64,
    /// Under way to the backend that was killed.
    pub(super) lost: u64,
    /// Failed, and should not have.
    pub(super) failed: u64,
    /// Those, by code and message.
    pub(super) failures: BTreeMap<String, u64>,
}

/// Calls made since a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) answered: BTreeMap<String, u64>,
    pub(super) dropped: u64,
}

impl Score {
    /// A backend's share of those answered, 0 to 1.
    pub(super) fn share(&self, backend: &str) -> f64 {
        let all: u64 = self.answered.values().sum();
        let its = self.answered.get(backend).copied().unwrap_or(0);
        its as f64 / all.max(1) as f64
    }

    /// The share of all that was dropped, 0 to 1.
    pub(super) fn dropped_share(&self) -> f64 {
        let all = self.answered.values().sum::<u64>() + self.dropped;
        self.dropped as f64 / all.max(1) as f64
    }
}

impl Ledger {
    /// From now on a new score is kept.
    pub(super) fn measure(&self) {
        let mut book = self.book();
        book.measured = Score::default();
        book.measured_from = Some(Instant::now());
    }

    /// The score since [`Ledger::measure`].
    pub(super) fn measured(&self) -> Score {
        self.book().measured.clone()
    }

    pub(super) fn totals(&self) -> Totals {
        self.book().totals.clone()
    }

    /// A backend is about to be killed.
    pub(super) fn kill(&self) {
        self.book().killed_at = Some(Instant::now());
    }

    /// A book is whole between any two calls.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Ledger {
    fn ended(&self, call: Ended) {
        let mut book = self.book();
        let measured = book.measured_from.is_some_and(|from| call.started >= from);
        match call.answer {
            Ok(answer) => {
                book.totals.answered += 1;
                if measured {
                    *book.measured.answered.entry(answer.backend).or_default() += 1;
                }
            }
            Err(status) if status.message() == dropped_message() => {
                book.totals.dropped += 1;
                if measured {
                    book.measured.dropped += 1;
                }
            }
            Err(status) => {
                let now = Instant::now();
                let in_flight = book.killed_at.is_some_and(|killed| {
                    now >= killed && (killed - NOTICE..=killed + NOTICE).contains(&call.started)
                });
                if in_flight {
                    book.totals.lost += 1;
                    return;
                }
                book.totals.failed += 1;
                let failures = &mut book.totals.failures;
                let kind = format!("{}: {}", code_name(status.code()), status.message());
                if failures.len() < MAX_KINDS || failures.contains_key(&kind) {
                    *failures.entry(kind).or_default() += 1;
                }
            }
        }
    }
}

/// What a client says of a call that it drops.
pub(super) fn dropped_message() -> String {
    format!("call dropped by the balancer ({})", DROP.0)
}
