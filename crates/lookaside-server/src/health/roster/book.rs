use std::{net::SocketAddr, sync::Arc};

use lookaside_core::{BackendId, HealthCheck, HealthState, ServiceName};
use slab::Slab;
use tokio::time::Instant;

use super::lanes::Lanes;
use crate::Target;

/// An address of a backend, within its service.
pub(super) type Key = (BackendId, SocketAddr);

/// One address that is checked.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) service: ServiceName,
    pub(super) key: Key,
    pub(super) target: Target,
    pub(super) check: Arc<HealthCheck>,
    pub(super) state: HealthState,
    /// Another one whenever a probe under way no longer counts.
    pub(super) generation: u64,
    /// Not while it is being probed.
    due: Option<Instant>,
}

/// All addresses that are checked, and which is due next.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: Slab<Entry>,
    lanes: Lanes,
    generations: u64,
}

impl Book {
    /// Adds an address of which nothing is known.
    pub(super) fn add(
        &mut self,
        service: ServiceName,
        key: Key,
        target: Target,
        check: Arc<HealthCheck>,
        due: Instant,
    ) -> usize {
        self.generations += 1;
        let slot = self.entries.insert(Entry {
            service: service.clone(),
            key,
            target,
            check,
            state: HealthState::default(),
            generation: self.generations,
            due: Some(due),
        });
        self.lanes.insert(&service, (due, slot));
        slot
    }

    pub(super) fn remove(&mut self, slot: usize) {
        if let Some(Entry {
            service,
            due: Some(due),
            ..
        }) = self.entries.try_remove(slot)
        {
            self.lanes.remove(&service, (due, slot));
        }
    }

    /// Checks an address in another way from now on; what it was found to be stands.
    pub(super) fn set_check(&mut self, slot: usize, check: Arc<HealthCheck>, due: Instant) {
        let Some(entry) = self.entries.get_mut(slot) else {
            return;
        };
        self.generations += 1;
        entry.generation = self.generations;
        entry.check = check;
        self.schedule(slot, due);
    }

    pub(super) fn set_target(&mut self, slot: usize, target: Target) {
        if let Some(entry) = self.entries.get_mut(slot) {
            entry.target = target;
        }
    }

    fn schedule(&mut self, slot: usize, due: Instant) {
        if let Some(entry) = self.entries.get_mut(slot) {
            if let Some(before) = entry.due.replace(due) {
                self.lanes.remove(&entry.service, (before, slot));
            }
            self.lanes.insert(&entry.service, (due, slot));
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.lanes.next_due()
    }

    pub(super) fn longest_due(&self) -> Option<Instant> {
        self.lanes.longest_due()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the one that has been due longest, of the services that have a probe left.
    pub(super) fn begin(&mut self, now: Instant) -> Option<(usize, &Entry)> {
        let slot = self.lanes.begin(now)?;
        let entry = self.entries.get_mut(slot)?;
        entry.due = None;
        Some((slot, entry))
    }

    /// A probe of the service is over, whether what it found still counts or not.
    pub(super) fn over(&mut self, service: &ServiceName) {
        self.lanes.end(service);
    }

    /// One that is being probed.
    pub(super) fn get(&mut self, slot: usize, generation: u64) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(slot)?;
        (entry.generation == generation).then_some(entry)
    }

    /// Its probe is over; the next one is due then.
    pub(super) fn end(&mut self, slot: usize, due: Instant) {
        self.schedule(slot, due);
    }
}
