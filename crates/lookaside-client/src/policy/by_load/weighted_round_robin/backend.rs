use std::{sync::Arc, time::Instant};

use lookaside_core::ReportedWeight;
use lookaside_proto::xds::data::orca::v3::OrcaLoadReport;

use super::{super::clock::Clock, WeightedRoundRobin, out_of_band::LoadStream, report};
use crate::{
    CallEnd, CallTracker, Subchannel, SubchannelId,
    subchannel::{IdMap, IdSet},
};

/// The weights of all backends of a list, by their reports.
pub(super) struct Weights {
    settings: Arc<WeightedRoundRobin>,
    /// From the first backend on.
    clock: Option<Clock>,
    backends: IdMap<Known>,
}

#[derive(Default)]
struct Known {
    weight: Arc<ReportedWeight>,
    /// Made for the settings in force.
    tracker: Option<Arc<dyn CallTracker>>,
    /// While READY, where reports come out of band.
    stream: Option<LoadStream>,
}

impl Weights {
    pub(super) fn new(settings: WeightedRoundRobin) -> Self {
        Self {
            settings: Arc::new(settings),
            clock: None,
            backends: IdMap::default(),
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
                known.stream = None;
            }
        }
    }

    /// Has the reports of these connections read, all those that are READY: out of band, if
    /// that is asked for (A58: those of their calls are not even looked at then).
    pub(super) fn watch(&mut self, ready: &[Subchannel], now: Instant) {
        let clock = *self.clock.get_or_insert_with(|| Clock::new(now));
        let period = self.settings.out_of_band();
        let ids: IdSet = ready.iter().map(Subchannel::id).collect();
        for (id, known) in &mut self.backends {
            if !ids.contains(id) {
                known.stream = None;
            }
        }
        for subchannel in ready {
            let known = self.backends.entry(subchannel.id()).or_default();
            let reader = || Reader {
                clock,
                settings: Arc::clone(&self.settings),
                weight: Arc::clone(&known.weight),
            };
            match period {
                Some(period) if known.stream.is_none() => {
                    known.stream = Some(LoadStream::open(subchannel, period, reader()));
                }
                None if known.tracker.is_none() => known.tracker = Some(Arc::new(reader())),
                _ => {}
            }
        }
    }

    /// What reads the reports of a backend's calls, if anything does.
    pub(super) fn tracker(&self, id: SubchannelId) -> Option<Arc<dyn CallTracker>> {
        self.backends.get(&id)?.tracker.clone()
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

    /// It has a new connection.
    pub(super) fn connected(&mut self, id: SubchannelId) {
        if let Some(known) = self.backends.get_mut(&id) {
            known.weight.connected();
            // It was over the old one.
            known.stream = None;
        }
    }

    /// How many connections are asked for reports.
    #[cfg(test)]
    pub(super) fn streams(&self) -> usize {
        let known = self.backends.values();
        known.filter(|known| known.stream.is_some()).count()
    }

    pub(super) fn retain(&mut self, has: &dyn Fn(SubchannelId) -> bool) {
        self.backends.retain(|id, _| has(*id));
    }
}

/// Reads a backend's reports: those in the trailers of its calls, where it tracks them.
#[derive(Debug)]
pub(super) struct Reader {
    clock: Clock,
    settings: Arc<WeightedRoundRobin>,
    weight: Arc<ReportedWeight>,
}

impl Reader {
    pub(super) fn read(&self, report: &OrcaLoadReport) {
        if let Some(weight) = report::weight(report, &self.settings) {
            self.weight.report(weight, self.clock.now());
        }
    }
}

impl CallTracker for Reader {
    fn call_started(&self) {}

    fn call_finished(&self, end: &CallEnd<'_>) {
        if let Some(report) = end.trailers.and_then(report::read) {
            self.read(&report);
        }
    }
}
