use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lookaside_proto::demo::EchoResponse;
use serde::Serialize;

use super::{Ended, Sink};
use crate::output::code_name;

/// Calls by how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Those that succeeded, by `<backend name>|<lb-token>`, the token as the backend
    /// received it.
    pub(crate) ok: BTreeMap<String, u64>,
    /// Those that failed, by `<CODE>: <message>`.
    pub(crate) err: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn succeeded(&self) -> u64 {
        self.ok.values().sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.err.values().sum()
    }

    /// Those that succeeded, by backend name alone.
    pub(crate) fn by_backend(&self) -> BTreeMap<&str, u64> {
        let mut backends = BTreeMap::new();
        for (who, n) in &self.ok {
            // A token has no bar; a name may.
            let name = who.rsplit_once('|').map_or(who.as_str(), |(name, _)| name);
            *backends.entry(name).or_default() += n;
        }
        backends
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (into, from) in [(&mut self.ok, &other.ok), (&mut self.err, &other.err)] {
            for (key, n) in from {
                *into.entry(key.clone()).or_default() += n;
            }
        }
    }
}

/// The tally of the calls that have ended since it was last taken.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Tally>);

impl Counter {
    pub(crate) fn take(&self) -> Tally {
        mem::take(&mut *self.lock())
    }

    /// A tally is whole between any two additions.
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Counter {
    fn ended(&self, call: Ended) {
        let mut tally = self.lock();
        let n = match call.answer {
            Ok(EchoResponse {
                backend, lb_token, ..
            }) => tally.ok.entry(format!("{backend}|{lb_token}")),
            Err(status) => {
                let code = code_name(status.code());
                tally.err.entry(format!("{code}: {}", status.message()))
            }
        };
        *n.or_default() += 1;
    }
}

/// One line of `probe --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Second<'a> {
    /// Seconds since the start.
    pub(crate) t: f64,
    pub(crate) state: &'a str,
    pub(crate) mode: &'a str,
    pub(crate) ok: &'a BTreeMap<String, u64>,
    pub(crate) err: &'a BTreeMap<String, u64>,
}
