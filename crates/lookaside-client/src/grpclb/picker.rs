use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use lookaside_core::DropCounter;

use super::{
    list::{List, Slot},
    stats::Stats,
};
use crate::{CallEnd, CallTracker, PickArgs, PickError, PickResult, Picker};

/// The drops of a list, in its order, and how far calls have come in it. Shared by all
/// pickers of the list.
#[derive(Debug)]
pub(super) struct Drops {
    /// Never empty.
    slots: Box<[Option<Dropped>]>,
    next: AtomicUsize,
    stats: Arc<Stats>,
}

#[derive(Debug)]
struct Dropped {
    counter: Option<DropCounter>,
    error: PickError,
}

impl Drops {
    /// None for a list without drops. `next`: where to begin.
    pub(super) fn new(list: &List, next: usize, stats: &Arc<Stats>) -> Option<Arc<Self>> {
        if !list.slots.iter().any(|slot| matches!(slot, Slot::Drop(_))) {
            return None;
        }
        let slots = list.slots.iter().map(|slot| match slot {
            Slot::Pass => None,
            Slot::Drop(drop) => Some(Dropped {
                counter: drop.token.as_ref().map(|token| stats.drop_counter(token)),
                error: PickError::new(format!("call dropped by the balancer ({})", drop.category)),
            }),
        });
        Some(Arc::new(Self {
            slots: slots.collect(),
            next: AtomicUsize::new(next),
            stats: Arc::clone(stats),
        }))
    }

    /// How far calls have come.
    pub(super) fn position(&self) -> usize {
        self.next.load(Relaxed)
    }

    fn check(&self) -> Option<PickError> {
        let turn = self.next.fetch_add(1, Relaxed) % self.slots.len();
        let dropped = self.slots[turn].as_ref()?;
        match &dropped.counter {
            Some(counter) => self.stats.call_dropped(counter),
            // A drop without a usable token still is a call.
            None => {
                self.stats.call_started();
                self.stats.call_finished(&CallEnd {
                    sent: true,
                    ..CallEnd::default()
                });
            }
        }
        Some(dropped.error.clone())
    }
}

/// Drops first, then the child's pick. The child has a turn only for calls that are not
/// dropped, and calls that the child would queue or fail are not dropped.
pub(super) struct ListPicker {
    pub(super) drops: Option<Arc<Drops>>,
    /// None for a list of nothing but drops.
    pub(super) child: Option<Arc<dyn Picker>>,
    /// The child is READY.
    pub(super) ready: bool,
    pub(super) tracker: Arc<dyn CallTracker>,
}

impl Picker for ListPicker {
    fn pick<'p>(&'p self, args: &PickArgs<'_>) -> PickResult<'p> {
        let may_drop = self.ready || self.child.is_none();
        if may_drop
            && !args.admitted
            && let Some(drops) = &self.drops
            && let Some(error) = drops.check()
        {
            return PickResult::Drop(error);
        }
        let Some(child) = &self.child else {
            // Admitted under an earlier list, but now there is nobody to send it to. It has
            // been counted.
            return PickResult::Drop(PickError::new("call dropped by the balancer"));
        };
        match child.pick(args) {
            PickResult::Pick(mut pick) => {
                pick.count(&self.tracker);
                PickResult::Pick(pick)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
