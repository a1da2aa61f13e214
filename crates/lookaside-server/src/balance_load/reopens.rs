use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lookaside_core::ServiceName;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);

/// How many streams of a connection are remembered: more than one may have open.
const MAX_REMEMBERED: usize = 256;

/// Notices a client that opens one stream after the other.
///
/// Stock clients reopen a stream that ended after its initial response with no delay at
/// all, on the connection they have. A refusal before the initial response makes them
/// back off.
#[derive(Debug, Default)]
pub(crate) struct Reopens {
    /// The streams of the last [`WINDOW`], oldest first.
    recent: Mutex<VecDeque<Opened>>,
    names: RandomState,
}

/// A name as its hash: names are long, and this is kept for each connection.
#[derive(Clone, Copy, Debug)]
struct Opened {
    at: Instant,
    name: u64,
}

impl Reopens {
    /// Counts one more stream for `name`, unless there were `limit` in the last second
    /// (0: no limit).
    pub(super) fn open(&self, name: &ServiceName, limit: usize, now: Instant) -> bool {
        if limit == 0 {
            return true;
        }
        let name = self.names.hash_one(name);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(first) = recent.front()
            && (now >= first.at + WINDOW || recent.len() >= MAX_REMEMBERED)
        {
            recent.pop_front();
        }
        let admitted = recent.iter().filter(|other| other.name == name).count() < limit;
        if admitted {
            recent.push_back(Opened { at: now, name });
        }
        admitted
    }
}

#[cfg(test)]
mod tests;
