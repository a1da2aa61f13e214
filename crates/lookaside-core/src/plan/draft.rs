use std::sync::Arc;

use super::{Endpoint, Limits, List, SlotRef, Truncation, list::Parts};
use crate::{
    Drops, Slot,
    drops::{MILLION, spread_within},
    slots::{Apportionment, apportion_within, gcd, interleave, length_bound},
    token::name_hash,
};

/// The endpoints of a list to be, and what they weigh.
#[derive(Debug)]
pub(super) struct Draft {
    /// Sorted by backend id and address.
    endpoints: Vec<Arc<Endpoint>>,
    /// The addresses of a backend together have its weight.
    weights: Vec<u64>,
    /// The order in which equals take turns, where that is another one: all first
    /// addresses, all second ones, ..., so that a backend does not follow itself.
    turns: Option<Vec<u32>>,
}

impl Draft {
    /// Takes backends' weights and endpoints, at least one endpoint each, sorted by id.
    pub(super) fn new<'a>(
        backends: impl Iterator<Item = (u32, &'a [Arc<Endpoint>])> + Clone,
    ) -> Self {
        let scale = backends.clone().fold(1, |scale, (_, endpoints)| {
            lcm(scale, endpoints.len() as u64)
        });
        let mut draft = Self {
            endpoints: Vec::with_capacity(backends.size_hint().1.unwrap_or(0)),
            weights: Vec::with_capacity(backends.size_hint().1.unwrap_or(0)),
            turns: None,
        };
        let mut keys = Vec::new();
        for (weight, endpoints) in backends {
            // At most 720,720 · 2³² (the least common multiple of 1 to 16).
            let each = match endpoints.len() as u64 {
                1 => u64::from(weight) * scale,
                addresses => u64::from(weight) * (scale / addresses),
            };
            for (address, endpoint) in endpoints.iter().enumerate() {
                if scale > 1 {
                    keys.push((address, draft.endpoints.len() as u32));
                }
                draft.endpoints.push(Arc::clone(endpoint));
                draft.weights.push(each);
            }
        }
        if scale > 1 {
            keys.sort_unstable();
            draft.turns = Some(keys.into_iter().map(|(_, endpoint)| endpoint).collect());
        }
        draft
    }

    /// The list of these endpoints and drops within the limits; nothing without an
    /// endpoint.
    ///
    /// Where it would not fit into a message: fewer slots, down to one each; then a
    /// subset of the endpoints. In both the drops keep their share.
    pub(super) fn list(mut self, drops: &Drops, limits: &Limits) -> Option<List> {
        let all = self.endpoints.len();
        if all == 0 {
            return None;
        }
        let bound = length_bound(all, limits.max_slots);
        let longest = bound.saturating_mul(2);
        let dropped: u64 = drops
            .as_slice()
            .iter()
            .map(|drop| u64::from(drop.per_million))
            .sum();
        if dropped >= MILLION {
            self = Self::new(std::iter::empty());
        }
        // So many slots of backends leave room for their drops: where most calls are
        // dropped, the drops' share goes before the fineness of weights.
        let beside_drops = |slots: usize| {
            (slots as u128 * u128::from(MILLION - dropped) / u128::from(MILLION)) as usize
        };
        let wanted = bound.min(beside_drops(longest));
        let whole = self.shape(drops, wanted, longest);
        let dearest = self.dearest(drops, limits);
        let fits = |draft: &Self, shape: &Shape| {
            shape.slots.len().saturating_mul(dearest) <= limits.max_bytes
                || draft.bytes(&shape.slots, drops, limits) <= limits.max_bytes
        };
        if fits(&self, &whole) {
            return self.finish(whole, drops, None);
        }
        let fitting = (limits.max_bytes / dearest).max(1).min(longest);
        let room = beside_drops(fitting);
        let coarser = if room >= all {
            self.shape(drops, room.min(wanted), fitting)
        } else {
            self.shape(drops, all, longest)
        };
        if fits(&self, &coarser) {
            let truncation = Truncation::Coarser {
                slots: coarser.backend_slots,
                of: whole.backend_slots,
            };
            return self.finish(coarser, drops, Some(truncation));
        }
        let kept = room.max(1).min(all);
        self.keep(kept);
        let subset = self.shape(drops, kept, fitting);
        self.finish(subset, drops, Some(Truncation::Subset { kept, of: all }))
    }

    /// The slots for at most `backend_slots` slots of backends (one each at least) and
    /// `longest` slots in all.
    fn shape(&self, drops: &Drops, backend_slots: usize, longest: usize) -> Shape {
        let Apportionment {
            counts,
            largest_error,
        } = apportion_within(&self.weights, backend_slots);
        let order = match &self.turns {
            None => interleave(&counts),
            Some(turns) => {
                let counts: Vec<u32> = turns.iter().map(|&index| counts[index as usize]).collect();
                let mut order = interleave(&counts);
                for turn in &mut order {
                    *turn = turns[*turn as usize];
                }
                order
            }
        };
        Shape {
            slots: spread_within(&order, drops, longest),
            backend_slots: order.len(),
            largest_error,
        }
    }

    /// Keeps `kept` endpoints: those whose id has the lowest hashes. One backend more or
    /// less changes at most one of the others.
    fn keep(&mut self, kept: usize) {
        let mut ranked: Vec<(u64, usize)> = self
            .endpoints
            .iter()
            .enumerate()
            .map(|(index, endpoint)| (name_hash(endpoint.id().as_str()), index))
            .collect();
        ranked.sort_unstable();
        let mut kept: Vec<usize> = ranked
            .into_iter()
            .take(kept)
            .map(|(_, index)| index)
            .collect();
        kept.sort_unstable();
        self.weights = kept.iter().map(|&index| self.weights[index]).collect();
        self.endpoints = kept
            .iter()
            .map(|&index| Arc::clone(&self.endpoints[index]))
            .collect();
        self.turns = None;
    }

    fn dearest(&self, drops: &Drops, limits: &Limits) -> usize {
        let endpoints = self
            .endpoints
            .iter()
            .map(|endpoint| SlotRef::Endpoint(endpoint));
        let drops = drops.as_slice().iter().map(SlotRef::Drop);
        endpoints
            .chain(drops)
            .map(|slot| (limits.slot_bytes)(&slot))
            .fold(1, usize::max)
    }

    fn bytes(&self, slots: &[Slot], drops: &Drops, limits: &Limits) -> usize {
        let bytes = |slot: &Slot| match *slot {
            Slot::Backend(index) => {
                (limits.slot_bytes)(&SlotRef::Endpoint(&self.endpoints[index as usize]))
            }
            Slot::Drop(index) => {
                (limits.slot_bytes)(&SlotRef::Drop(&drops.as_slice()[index as usize]))
            }
        };
        slots.iter().map(bytes).fold(0, usize::saturating_add)
    }

    fn finish(self, shape: Shape, drops: &Drops, truncation: Option<Truncation>) -> Option<List> {
        List::new(Parts {
            endpoints: self.endpoints,
            drops: drops.clone(),
            slots: shape.slots,
            largest_error: shape.largest_error,
            truncation,
        })
    }
}

struct Shape {
    slots: Vec<Slot>,
    /// Before drops.
    backend_slots: usize,
    largest_error: f64,
}

fn lcm(a: u64, b: u64) -> u64 {
    a / gcd(a, b).max(1) * b
}
