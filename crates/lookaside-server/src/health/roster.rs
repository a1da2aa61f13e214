//! Who is probed when, and what came of it: all of the checking but the waiting.

mod book;
mod lanes;
mod service;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::SystemTime,
};

use lookaside_core::{HealthCheck, ServiceName, next_wait};
use tokio::time::Instant;

#[cfg(test)]
pub(super) use self::lanes::MAX_PROBES_OF_SERVICE;
use self::{
    book::{Book, Entry},
    service::CheckedService,
};
use super::{Verdicts, checks::CheckedServices};
use crate::{ProbeError, Target, planner::changed};

/// The addresses that are checked, with their states.
#[derive(Debug)]
pub(super) struct Roster {
    following: Arc<CheckedServices>,
    services: HashMap<ServiceName, CheckedService>,
    book: Book,
    /// Services whose ejections are not as they were published.
    dirty: BTreeSet<ServiceName>,
    published: Arc<Verdicts>,
    rng: fastrand::Rng,
}

/// A probe that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    slot: usize,
    service: ServiceName,
    /// Slots are used again.
    generation: u64,
    began: Instant,
    pub(super) target: Target,
    pub(super) check: Arc<HealthCheck>,
}

/// What a probe changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Ejected,
    Returned,
}

impl Roster {
    pub(super) fn new(rng: fastrand::Rng) -> Self {
        Self {
            following: Arc::default(),
            services: HashMap::new(),
            book: Book::default(),
            dirty: BTreeSet::new(),
            published: Arc::default(),
            rng,
        }
    }

    /// Takes over what is to be checked from now on.
    pub(super) fn follow(&mut self, next: Arc<CheckedServices>, now: Instant) {
        let before = std::mem::replace(&mut self.following, next);
        let mut names = Vec::new();
        changed(&before, &self.following, |name| names.push(name.clone()));
        for name in names {
            let service = self.services.entry(name.clone());
            let dirty = match self.following.get(&name) {
                Some(checked) => service
                    .or_insert_with(|| CheckedService::new(name.clone(), checked))
                    .follow(checked, &mut self.book, now, &mut self.rng),
                None => match self.services.remove(&name) {
                    Some(service) => service.forget(&mut self.book),
                    None => false,
                },
            };
            if dirty {
                self.dirty.insert(name);
            }
        }
    }

    /// When the next probe is due that may begin; nothing while all are under way.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.book.next_due()
    }

    /// When the one that has been due longest was due, whether it may begin or not.
    pub(super) fn longest_due(&self) -> Option<Instant> {
        self.book.longest_due()
    }

    /// How many addresses are checked.
    pub(super) fn len(&self) -> usize {
        self.book.len()
    }

    /// How many of them are ejected.
    pub(super) fn ejected(&self) -> usize {
        self.services.values().map(CheckedService::ejected).sum()
    }

    /// The probe that has been due longest and may begin; each is to be ended.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Ticket> {
        let (slot, entry) = self.book.begin(now)?;
        Some(Ticket {
            slot,
            service: entry.service.clone(),
            generation: entry.generation,
            began: now,
            target: entry.target.clone(),
            check: Arc::clone(&entry.check),
        })
    }

    /// Takes over what came of a probe, unless its address is gone or is checked in
    /// another way by now.
    pub(super) fn end(
        &mut self,
        ticket: &Ticket,
        result: &Result<(), ProbeError>,
        now: Instant,
        clock: SystemTime,
    ) -> Option<Change> {
        self.book.over(&ticket.service);
        let entry = self.book.get(ticket.slot, ticket.generation)?;
        let next = ticket.began + next_wait(entry.check.interval, &mut self.rng);
        let failures = entry.state.against() + 1;
        let change = observe(entry, result, now);
        let (name, key) = (entry.service.clone(), entry.key.clone());
        self.book.end(ticket.slot, next.max(now));
        let change = change?;
        let service = self.services.get_mut(&name)?;
        match result {
            Ok(()) => service.readmit(&key),
            Err(error) => {
                let reason = format!("{failures} probes in a row failed, the last: {error}");
                service.eject(key, reason.into(), clock);
            }
        }
        self.dirty.insert(name);
        Some(change)
    }

    /// Whether the verdicts are other ones than those published last.
    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The verdicts, if they are other ones than those published last.
    pub(super) fn publish(&mut self) -> Option<Arc<Verdicts>> {
        if self.dirty.is_empty() {
            return None;
        }
        let verdicts = Arc::make_mut(&mut self.published);
        for name in std::mem::take(&mut self.dirty) {
            let ejections = self.services.get(&name).map(CheckedService::ejections);
            match ejections.unwrap_or_default() {
                none if none.is_empty() => verdicts.remove(&name),
                some => verdicts.insert(name, Arc::new(some)),
            };
        }
        Some(Arc::clone(&self.published))
    }
}

/// What the balancer could not ask says nothing of the backend.
fn observe(entry: &mut Entry, result: &Result<(), ProbeError>, now: Instant) -> Option<Change> {
    if result.as_ref().is_err_and(ProbeError::is_local) {
        return None;
    }
    let changed = entry
        .state
        .observe(result.is_ok(), now.into_std(), &entry.check);
    changed.then(|| {
        if entry.state.is_ejected() {
            Change::Ejected
        } else {
            Change::Returned
        }
    })
}
