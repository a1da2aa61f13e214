use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use lookaside_registry::{Handle, Registration};
use tokio::time::Instant;

/// The live registrations that one peer made through this balancer. Hashes stand for
/// handles and names: they take a twentieth of the memory, and who collides is counted once.
#[derive(Debug, Default)]
pub(super) struct Made {
    hasher: RandomState,
    /// By handle.
    until: HashMap<u64, Instant>,
    /// By service and id, the handle. One that registers again is one registration, however
    /// long the time to live of the one before.
    latest: HashMap<u64, u64>,
    /// When to look for those that have ended: not at each request.
    swept_at: Option<Instant>,
}

impl Made {
    /// How many live at `now`, some of those that have just ended included.
    pub(super) fn count(&mut self, now: Instant) -> usize {
        if self.swept_at.is_none_or(|at| now >= at + SWEEP) {
            self.swept_at = Some(now);
            self.until.retain(|_, until| *until > now);
            let until = &self.until;
            self.latest.retain(|_, handle| until.contains_key(handle));
        }
        self.until.len()
    }

    /// One was made.
    pub(super) fn made(&mut self, it: &Registration, handle: &Handle, until: Instant) {
        let handle = self.hasher.hash_one(handle);
        let name = self.hasher.hash_one((&it.service, &it.id));
        if let Some(before) = self.latest.insert(name, handle) {
            self.until.remove(&before);
        }
        self.until.insert(handle, until);
    }

    /// One lives on, if it is known.
    pub(super) fn renewed(&mut self, handle: &Handle, until: Instant) {
        if let Some(known) = self.until.get_mut(&self.hasher.hash_one(handle)) {
            *known = until;
        }
    }

    pub(super) fn ended(&mut self, handle: &Handle) {
        self.until.remove(&self.hasher.hash_one(handle));
    }
}

/// The shortest time to live is as long.
pub(super) const SWEEP: Duration = Duration::from_secs(1);
