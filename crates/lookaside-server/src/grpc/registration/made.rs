use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use lookaside_registry::Handle;
use tokio::time::Instant;

/// The live registrations that one peer made through this balancer. A hash stands for a
/// handle: it takes a twentieth of the memory, and who collides is counted once.
#[derive(Debug, Default)]
pub(super) struct Made {
    hasher: RandomState,
    until: HashMap<u64, Instant>,
    /// When to look for those that have ended: not at each request.
    swept_at: Option<Instant>,
}

impl Made {
    /// How many live at `now`, some of those that have just ended included.
    pub(super) fn count(&mut self, now: Instant) -> usize {
        if self.swept_at.is_none_or(|at| now >= at + SWEEP) {
            self.swept_at = Some(now);
            self.until.retain(|_, until| *until > now);
        }
        self.until.len()
    }

    /// One lives on; one that is not `new` only if it is known.
    pub(super) fn lives(&mut self, handle: &Handle, until: Instant, new: bool) {
        let key = self.hasher.hash_one(handle);
        if new {
            self.until.insert(key, until);
        } else if let Some(known) = self.until.get_mut(&key) {
            *known = until;
        }
    }

    pub(super) fn ended(&mut self, handle: &Handle) {
        self.until.remove(&self.hasher.hash_one(handle));
    }
}

/// The shortest time to live is as long.
const SWEEP: std::time::Duration = std::time::Duration::from_secs(1);
