use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lookaside_core::SharedRng;

use super::{
    backends::{Backends, Entry},
    clock::Clock,
};
use crate::{
    PickArgs, PickResult, Picker, Policy, PolicyBuilder, PolicyOptions, ResolverUpdate, Subchannel,
    SubchannelId,
    policy::petiole::{Petiole, Spread},
};

mod backend;
#[cfg(feature = "service-config")]
mod config;

use backend::Backend;

/// The `p2c` policy: of two backends drawn at random ("power of two choices"), the one that
/// would answer sooner, by how long it took so far and how many calls it has.
///
/// ```text
/// cost = latency × (1 + calls in flight / times listed)
/// ```
///
/// The latency is a moving average of the times to the response's headers that is sensitive
/// to peaks: a slower answer replaces it at once, faster ones bring it down by
/// `1 − exp(−Δt / decay)` of the difference, where `Δt` is the time since the answer before.
/// While a backend is not asked, its latency decays towards zero by the same law, so that
/// it is tried again. A call that fails for a reason of the backend's (UNAVAILABLE,
/// INTERNAL and the like) counts as twice the latency so far: who fails fast must not look
/// fast. Where one of the two has never answered, the calls in flight decide alone.
///
/// An address that is listed several times is drawn as many times as often.
///
/// ```
/// use std::time::Duration;
/// use lookaside_client::{P2c, PolicyBuilder};
///
/// let policy = P2c::new().decay(Duration::from_secs(5));
/// assert_eq!(policy.name(), "p2c");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct P2c {
    decay: Duration,
}

impl P2c {
    /// Half of all that came before is forgotten in 7 s: long enough to be calm at a few
    /// calls a second, short enough to take back a backend that has recovered. (Finagle's
    /// and linkerd's value.)
    const DECAY: Duration = Duration::from_secs(10);

    /// Shorter, and it would be the last answer alone that counts.
    const LEAST_DECAY: Duration = Duration::from_millis(1);

    /// With the default decay.
    pub fn new() -> Self {
        Self { decay: Self::DECAY }
    }

    /// The time in which what is known of a backend loses all but 37 % (1/e) of its weight.
    /// Default 10 s, at least 1 ms.
    #[must_use]
    pub fn decay(mut self, decay: Duration) -> Self {
        self.decay = decay.max(Self::LEAST_DECAY);
        self
    }
}

impl Default for P2c {
    fn default() -> Self {
        Self::new()
    }
}

impl PolicyBuilder for P2c {
    fn name(&self) -> &str {
        "p2c"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        let spread = SoonestOfTwo {
            default: self.clone(),
            settings: self.clone(),
            clock: None,
            backends: Backends::default(),
            rng: Arc::new(SharedRng::new(options.seed)),
        };
        Box::new(Petiole::with(options, spread))
    }

    #[cfg(feature = "service-config")]
    fn parse_config(&self, json: &str) -> Result<crate::PolicyConfig, String> {
        crate::PolicyConfig::parsed(self.clone().configured(json))
    }
}

struct SoonestOfTwo {
    default: P2c,
    settings: P2c,
    /// From the first picker on.
    clock: Option<Clock>,
    backends: Backends<Backend>,
    rng: Arc<SharedRng>,
}

impl Spread for SoonestOfTwo {
    fn picker(&mut self, ready: Vec<Subchannel>, now: Instant) -> Arc<dyn Picker> {
        let clock = *self.clock.get_or_insert_with(|| Clock::new(now));
        let decay = self.settings.decay;
        Arc::new(P2cPicker {
            entries: self.backends.entries(ready, || Backend::new(clock, decay)),
            decay,
            rng: Arc::clone(&self.rng),
        })
    }

    fn configure(&mut self, update: &ResolverUpdate) {
        let settings = update.config_or(&self.default);
        if *settings != self.settings {
            self.settings = settings.clone();
            // They measure with the decay that they were made with.
            self.backends = Backends::default();
        }
    }

    fn retain(&mut self, has: &dyn Fn(SubchannelId) -> bool) {
        self.backends.retain(has);
    }
}

struct P2cPicker {
    /// Never empty.
    entries: Box<[Entry<Backend>]>,
    decay: Duration,
    rng: Arc<SharedRng>,
}

impl Picker for P2cPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        if self.entries.len() == 1 {
            return self.entries[0].pick();
        }
        let (first, second) = self.rng.two_below(self.entries.len());
        let (first, second) = (&self.entries[first], &self.entries[second]);
        if first.cost_relative_to(second, self.decay) <= 1.0 {
            first.pick()
        } else {
            second.pick()
        }
    }
}

impl Entry<Backend> {
    fn cost_relative_to(&self, other: &Self, decay: Duration) -> f64 {
        let queue = |entry: &Self| 1.0 + entry.backend.calls() as f64 / f64::from(entry.listed);
        let queues = queue(self) / queue(other);
        match (self.backend.latency(), other.backend.latency()) {
            (Some(mine), Some(its)) => queues * mine.relative_to(its, decay),
            _ => queues,
        }
    }
}

#[cfg(test)]
mod tests;
