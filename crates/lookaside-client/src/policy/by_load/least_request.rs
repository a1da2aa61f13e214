use std::{sync::Arc, time::Instant};

use lookaside_core::SharedRng;

use super::{
    backends::{Backends, Entry},
    in_flight::InFlight,
};
use crate::{
    PickArgs, PickResult, Picker, Policy, PolicyBuilder, PolicyOptions, ResolverUpdate, Subchannel,
    SubchannelId,
    policy::petiole::{Petiole, Spread},
};

#[cfg(feature = "service-config")]
mod config;

/// How many are compared at most (A48): more gain nothing.
const MAX_CHOICES: u32 = 10;

/// The `least_request` policy (A48): of some backends drawn at random, the one with the
/// fewest calls that it has not answered yet.
///
/// An address that is listed several times is drawn as many times as often, and may have as
/// many times the calls.
///
/// ```
/// use lookaside_client::{LeastRequest, PolicyBuilder};
///
/// let policy = LeastRequest::new().choice_count(3);
/// assert_eq!(policy.name(), "least_request");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeastRequest {
    choice_count: u32,
}

impl LeastRequest {
    /// Compares two.
    pub fn new() -> Self {
        Self { choice_count: 2 }
    }

    /// How many are drawn and compared. Default 2, at least 2, at most 10: numbers beyond are
    /// brought into that range.
    #[must_use]
    pub fn choice_count(mut self, choices: u32) -> Self {
        self.choice_count = choices.clamp(2, MAX_CHOICES);
        self
    }
}

impl Default for LeastRequest {
    fn default() -> Self {
        Self::new()
    }
}

impl PolicyBuilder for LeastRequest {
    fn name(&self) -> &str {
        "least_request"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        let spread = FewestCalls {
            default: self.clone(),
            settings: self.clone(),
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

struct FewestCalls {
    default: LeastRequest,
    settings: LeastRequest,
    backends: Backends<InFlight>,
    rng: Arc<SharedRng>,
}

impl Spread for FewestCalls {
    fn picker(&mut self, ready: Vec<Subchannel>, _: Instant) -> Arc<dyn Picker> {
        Arc::new(LeastRequestPicker {
            entries: self.backends.entries(ready, InFlight::default),
            choices: self.settings.choice_count,
            rng: Arc::clone(&self.rng),
        })
    }

    fn configure(&mut self, update: &ResolverUpdate) {
        self.settings = update.config_or(&self.default).clone();
    }

    fn retain(&mut self, has: &dyn Fn(SubchannelId) -> bool) {
        self.backends.retain(has);
    }
}

struct LeastRequestPicker {
    /// Never empty.
    entries: Box<[Entry<InFlight>]>,
    choices: u32,
    rng: Arc<SharedRng>,
}

impl Picker for LeastRequestPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        // One step of what all tasks share; the rest is drawn apart.
        let mut rng = fastrand::Rng::with_seed(self.rng.next());
        let mut draw = || &self.entries[rng.usize(..self.entries.len())];
        let mut chosen = draw();
        let mut calls = chosen.backend.calls();
        for _ in 1..self.choices {
            let other = draw();
            let others = other.backend.calls();
            // By what an entry has, not by what its address has.
            if others * (chosen.listed as usize) < calls * (other.listed as usize) {
                (chosen, calls) = (other, others);
            }
        }
        chosen.pick()
    }
}

#[cfg(test)]
mod tests;
