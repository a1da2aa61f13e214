use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use super::{
    Pick, PickArgs, PickResult, Picker, PolicyOptions,
    petiole::{Petiole, Spread},
};
use crate::Subchannel;

/// Calls in turn over the READY entries of the list, in its order. An address that is
/// listed several times has as many turns.
pub(crate) type RoundRobin = Petiole<Turns>;

/// Whose turn it is.
pub(crate) struct Turns {
    /// Shared by all pickers, so that a new picker goes on where the old one was. Starts
    /// anywhere: clients that get the same list must not begin with the same backend.
    next: Arc<AtomicUsize>,
}

impl RoundRobin {
    /// A new policy.
    pub(crate) fn new(options: PolicyOptions) -> Self {
        let start = fastrand::Rng::with_seed(options.seed).u32(..);
        let next = AtomicUsize::new(usize::try_from(start).unwrap_or_default());
        let next = Arc::new(next);
        Self::with(options, Turns { next })
    }
}

impl Spread for Turns {
    fn picker(&mut self, ready: Vec<Subchannel>, _: Instant) -> Arc<dyn Picker> {
        Arc::new(RoundRobinPicker {
            ready: ready.into(),
            next: Arc::clone(&self.next),
        })
    }
}

struct RoundRobinPicker {
    /// Never empty.
    ready: Box<[Subchannel]>,
    next: Arc<AtomicUsize>,
}

impl Picker for RoundRobinPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        let turn = self.next.fetch_add(1, Relaxed) % self.ready.len();
        PickResult::Pick(Pick::new(&self.ready[turn]))
    }
}

#[cfg(test)]
mod tests;
