//! `weighted_round_robin` (A58): in turn, but backends that say that they can do more have
//! more turns.

mod backend;
#[cfg(feature = "service-config")]
mod config;
mod out_of_band;
mod report;
mod settings;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use lookaside_core::StrideSchedule;
pub use settings::WeightedRoundRobin;

use self::backend::Weights;
use crate::{
    CallTracker, Pick, PickArgs, PickResult, Picker, Policy, PolicyBuilder, PolicyOptions,
    ResolverUpdate, Subchannel, SubchannelId,
    policy::petiole::{Petiole, Spread},
};

impl PolicyBuilder for WeightedRoundRobin {
    fn name(&self) -> &str {
        "weighted_round_robin"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        let start = fastrand::Rng::with_seed(options.seed).u32(..);
        let start = usize::try_from(start).unwrap_or_default();
        Box::new(Petiole::with(options, WeightedTurns::new(self, start)))
    }

    #[cfg(feature = "service-config")]
    fn parse_config(&self, json: &str) -> Result<crate::PolicyConfig, String> {
        crate::PolicyConfig::parsed(self.clone().configured(json))
    }
}

struct WeightedTurns {
    default: WeightedRoundRobin,
    weights: Weights,
    /// What the last picker picks from, and how.
    entries: Arc<[Entry]>,
    schedule: StrideSchedule,
    /// As round_robin's.
    next: Arc<AtomicUsize>,
    renew_at: Option<Instant>,
}

/// One READY entry of the list.
struct Entry {
    subchannel: Subchannel,
    /// Reads the reports of its calls; none when they come out of band.
    tracker: Option<Arc<dyn CallTracker>>,
}

impl WeightedTurns {
    fn new(settings: &WeightedRoundRobin, start: usize) -> Self {
        Self {
            default: settings.clone(),
            weights: Weights::new(settings.clone()),
            entries: Arc::default(),
            schedule: StrideSchedule::new(&[]),
            next: Arc::new(AtomicUsize::new(start)),
            renew_at: None,
        }
    }

    /// By the weights as they are now.
    fn schedule(&mut self, now: Instant) -> StrideSchedule {
        self.renew_at = Some(now + self.weights.settings().update_period());
        let entries = self.entries.iter();
        let weights: Vec<_> = entries
            .map(|entry| self.weights.of(entry.subchannel.id(), now))
            .collect();
        StrideSchedule::new(&weights)
    }
}

impl Spread for WeightedTurns {
    fn picker(&mut self, ready: Vec<Subchannel>, now: Instant) -> Arc<dyn Picker> {
        let weights = &mut self.weights;
        weights.watch(&ready, now);
        let entries = ready.into_iter().map(|subchannel| Entry {
            tracker: weights.tracker(subchannel.id()),
            subchannel,
        });
        self.entries = entries.collect();
        self.schedule = self.schedule(now);
        Arc::new(WeightedRoundRobinPicker {
            entries: Arc::clone(&self.entries),
            schedule: self.schedule.clone(),
            next: Arc::clone(&self.next),
        })
    }

    fn configure(&mut self, update: &ResolverUpdate) {
        self.weights.configure(update.config_or(&self.default));
    }

    fn none_ready(&mut self, now: Instant) {
        self.weights.watch(&[], now);
    }

    fn connected(&mut self, id: SubchannelId) {
        self.weights.connected(id);
    }

    fn retain(&mut self, has: &dyn Fn(SubchannelId) -> bool) {
        self.weights.retain(has);
    }

    fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    fn is_stale(&mut self, now: Instant) -> bool {
        self.schedule(now) != self.schedule
    }
}

struct WeightedRoundRobinPicker {
    /// Never empty.
    entries: Arc<[Entry]>,
    schedule: StrideSchedule,
    next: Arc<AtomicUsize>,
}

impl Picker for WeightedRoundRobinPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        let turn = self.schedule.pick(|| self.next.fetch_add(1, Relaxed));
        let entry = &self.entries[turn];
        let mut pick = Pick::new(&entry.subchannel);
        if let Some(tracker) = &entry.tracker {
            pick.watch(tracker);
        }
        PickResult::Pick(pick)
    }
}

#[cfg(test)]
mod tests;
