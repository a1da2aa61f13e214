use std::{collections::HashMap, sync::Arc, time::Instant};

use lookaside_core::ReportedWeight;

use super::{super::clock::Clock, WeightedRoundRobin, report};
use crate::{CallEnd, CallTracker, SubchannelId};

/// The weights of all backends of a list, by their reports.
pub(super) struct Weights {
    settings: Arc<WeightedRoundRobin>,
    /// From the first backend on.
    clock: Option<Clock>,
    backends: HashMap<SubchannelId, Known>,
}

struct Known {
    weight: Arc<ReportedWeight>,
    /// Made for the settings in force.
    tracker: Option<Arc<dyn CallTracker>>,
}

impl Weights {
    pub(super) fn new(settings: WeightedRoundRobin) -> Self {
        Self {
            settings: Arc::new(settings),
            clock: None,
            backends: HashMap::new(),
        }
    }

    pub(super) fn settings(&self) -> &WeightedRoundRobin {
        &self.settings
    }

    /// What was reported stays; how reports are read from now on may differ.
    pub(super) fn configure(&mut self, settings: &WeightedRoundRobin) {
        if *settings != *self.settings {
            self.settings = Arc::new(settings.clone());
            for known in self.backends.values_mut() {
                known.tracker = None;
            }
        }
    }

    /// What reads the reports of a backend's calls; none when they come out of band (A58:
    /// the others are not even looked at then).
    pub(super) fn tracker(
        &mut self,
        id: SubchannelId,
        now: Instant,
    ) -> Option<Arc<dyn CallTracker>> {
        let clock = *self.clock.get_or_insert_with(|| Clock::new(now));
        let known = self.backends.entry(id).or_insert_with(|| Known {
            weight: Arc::default(),
            tracker: None,
        });
        if self.settings.out_of_band().is_some() {
            return None;
        }
        let (weight, settings) = (&known.weight, &self.settings);
        let tracker = known.tracker.get_or_insert_with(|| {
            Arc::new(PerCall {
                clock,
                settings: Arc::clone(settings),
                weight: Arc::clone(weight),
            })
        });
        Some(Arc::clone(tracker))
    }

    /// Its weight; 0 if it is not known.
    pub(super) fn of(&self, id: SubchannelId, now: Instant) -> f64 {
        let (Some(clock), Some(known)) = (&self.clock, self.backends.get(&id)) else {
            return 0.0;
        };
        let (blackout, expiration) = (self.settings.blackout(), self.settings.expiration());
        let weight = known.weight.current(clock.at(now), blackout, expiration);
        weight.unwrap_or_default()
    }

    pub(super) fn connected(&self, id: SubchannelId) {
        if let Some(known) = self.backends.get(&id) {
            known.weight.connected();
        }
    }

    pub(super) fn retain(&mut self, has: &dyn Fn(SubchannelId) -> bool) {
        self.backends.retain(|id, _| has(*id));
    }
}

/// Reads a backend's reports from the trailers of its calls.
#[derive(Debug)]
struct PerCall {
    clock: Clock,
    settings: Arc<WeightedRoundRobin>,
    weight: Arc<ReportedWeight>,
}

impl CallTracker for PerCall {
    fn call_started(&self) {}

    fn call_finished(&self, end: &CallEnd<'_>) {
        let report = end.trailers.and_then(report::read);
        if let Some(weight) = report.and_then(|report| report::weight(&report, &self.settings)) {
            self.weight.report(weight, self.clock.now());
        }
    }
}
