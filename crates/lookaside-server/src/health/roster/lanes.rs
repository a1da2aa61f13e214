use std::collections::{BTreeSet, HashMap};

use lookaside_core::ServiceName;
use tokio::time::Instant;

use crate::probe::MAX_HEALTH_PROBES;

/// How many probes of one service are in flight at once: one whose backends are all silent
/// leaves as many to the others.
pub(in crate::health) const MAX_PROBES_OF_SERVICE: usize = MAX_HEALTH_PROBES / 2;

/// When a slot is due.
type Due = (Instant, usize);

/// What is due when, of services that each have a bounded share of the probes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Those of which something is due or in flight.
    lanes: HashMap<ServiceName, Lane>,
    /// The first of each that may begin another probe.
    free: BTreeSet<(Due, ServiceName)>,
    /// The first of each that may not; so many can have their whole share in flight that
    /// there are hardly any.
    full: BTreeSet<(Due, ServiceName)>,
}

#[derive(Debug, Default)]
struct Lane {
    due: BTreeSet<Due>,
    in_flight: usize,
}

impl Lane {
    fn is_full(&self) -> bool {
        self.in_flight >= MAX_PROBES_OF_SERVICE
    }
}

impl Lanes {
    pub(super) fn insert(&mut self, service: &ServiceName, due: Due) {
        self.change(service, |lane| {
            lane.due.insert(due);
        });
    }

    pub(super) fn remove(&mut self, service: &ServiceName, due: Due) {
        self.change(service, |lane| {
            lane.due.remove(&due);
        });
    }

    /// When the next probe that may begin is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.free.first().map(|((due, _), _)| *due)
    }

    /// When the one that has been due longest was due, whether it may begin or not.
    pub(super) fn longest_due(&self) -> Option<Instant> {
        let full = self.full.first().map(|((due, _), _)| *due);
        self.next_due().into_iter().chain(full).min()
    }

    /// Takes the one that has been due longest and may begin; [`Lanes::end`] ends it.
    pub(super) fn begin(&mut self, now: Instant) -> Option<usize> {
        let (due, service) = self.free.first()?.clone();
        if due.0 > now {
            return None;
        }
        self.change(&service, |lane| {
            lane.due.remove(&due);
            lane.in_flight += 1;
        });
        Some(due.1)
    }

    /// A probe of the service is over, also of one that was forgotten meanwhile.
    pub(super) fn end(&mut self, service: &ServiceName) {
        self.change(service, |lane| {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        });
    }

    /// Changes a lane, and keeps its first where it belongs.
    fn change(&mut self, service: &ServiceName, change: impl FnOnce(&mut Lane)) {
        if !self.lanes.contains_key(service) {
            self.lanes.insert(service.clone(), Lane::default());
        }
        let Some(lane) = self.lanes.get_mut(service) else {
            return;
        };
        let before = lane.due.first().map(|due| (*due, lane.is_full()));
        change(lane);
        let after = lane.due.first().map(|due| (*due, lane.is_full()));
        if before != after {
            if let Some((due, full)) = before {
                let firsts = if full { &mut self.full } else { &mut self.free };
                firsts.remove(&(due, service.clone()));
            }
            if let Some((due, full)) = after {
                let firsts = if full { &mut self.full } else { &mut self.free };
                firsts.insert((due, service.clone()));
            }
        }
        if lane.due.is_empty() && lane.in_flight == 0 {
            self.lanes.remove(service);
        }
    }
}
