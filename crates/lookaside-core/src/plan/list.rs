use std::{fmt, sync::Arc};

use super::{Endpoint, Panic, SlotRef};
use crate::{Drops, Slot};

/// The category of the drops in [`List::no_backends`].
pub const NO_BACKENDS: &str = "no-backends";

/// Slots that clients go round and round; at least one.
#[derive(Clone, Debug)]
pub struct List {
    endpoints: Vec<Arc<Endpoint>>,
    counts: Vec<u32>,
    drops: Drops,
    drop_counts: Vec<u32>,
    slots: Vec<Slot>,
    largest_error: f64,
    truncation: Option<Truncation>,
    pub(super) panic: Option<Panic>,
}

/// What was given up to keep the message within its bound: an error for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// Fewer slots than the weights call for, down to one each.
    Coarser {
        /// Slots of backends, before drops.
        slots: usize,
        /// As many as there would have been.
        of: usize,
    },
    /// Not every address is in the list.
    Subset {
        /// Addresses in the list.
        kept: usize,
        /// Addresses of eligible backends.
        of: usize,
    },
}

impl fmt::Display for Truncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coarser { slots, of } => write!(
                f,
                "the list would not fit into one message: \
                 weights are approximated with {slots} slots instead of {of}"
            ),
            Self::Subset { kept, of } => write!(
                f,
                "the list does not fit into one message: it has {kept} of {of} addresses"
            ),
        }
    }
}

/// What a list is made of.
pub(super) struct Parts {
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    pub(super) drops: Drops,
    pub(super) slots: Vec<Slot>,
    pub(super) largest_error: f64,
    pub(super) truncation: Option<Truncation>,
}

impl List {
    /// Nothing without a slot: no list is empty.
    pub(super) fn new(parts: Parts) -> Option<Self> {
        if parts.slots.is_empty() {
            return None;
        }
        let mut counts = vec![0; parts.endpoints.len()];
        let mut drop_counts = vec![0; parts.drops.as_slice().len()];
        for slot in &parts.slots {
            match *slot {
                Slot::Backend(index) => counts[index as usize] += 1,
                Slot::Drop(index) => drop_counts[index as usize] += 1,
            }
        }
        Some(Self {
            endpoints: parts.endpoints,
            counts,
            drops: parts.drops,
            drop_counts,
            slots: parts.slots,
            largest_error: parts.largest_error,
            truncation: parts.truncation,
            panic: None,
        })
    }

    /// The list with which every call fails at the client, for a service that has nothing
    /// to list: an empty one would leave clients with what they had.
    pub fn no_backends() -> Self {
        Self {
            endpoints: Vec::new(),
            counts: Vec::new(),
            drops: Drops::all_calls(NO_BACKENDS),
            drop_counts: vec![1],
            slots: vec![Slot::Drop(0)],
            largest_error: 0.0,
            truncation: None,
            panic: None,
        }
    }

    /// The endpoints, sorted by backend id and address: what [`Slot::Backend`] counts in.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// How many slots each endpoint has.
    pub fn endpoint_slots(&self) -> &[u32] {
        &self.counts
    }

    /// The drops: what [`Slot::Drop`] counts in.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// How many slots each drop has.
    pub fn drop_slots(&self) -> &[u32] {
        &self.drop_counts
    }

    /// The share of all calls that a drop gets in fact, out of 1.
    pub fn drop_share(&self, index: usize) -> f64 {
        f64::from(self.drop_counts[index]) / self.slots.len() as f64
    }

    /// The slots in order; at least one.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// What a slot stands for.
    pub fn slot(&self, slot: Slot) -> SlotRef<'_> {
        match slot {
            Slot::Backend(index) => SlotRef::Endpoint(&self.endpoints[index as usize]),
            Slot::Drop(index) => SlotRef::Drop(&self.drops.as_slice()[index as usize]),
        }
    }

    /// The categories that have slots, with the index of each.
    fn categories(&self) -> impl Iterator<Item = (usize, &str)> {
        let categories = self.drops.as_slice().iter().map(|drop| &*drop.category);
        let used = |&(index, _): &(usize, &str)| self.drop_counts[index] > 0;
        categories.enumerate().filter(used)
    }

    /// The largest difference between an endpoint's share of the calls that are not
    /// dropped and its share of the weights, both out of 1.
    pub fn largest_error(&self) -> f64 {
        self.largest_error
    }

    /// What was given up to keep the message within its bound.
    pub fn truncation(&self) -> Option<Truncation> {
        self.truncation
    }

    /// Why ejected addresses are in it nevertheless, if they are.
    pub fn panic(&self) -> Option<Panic> {
        self.panic
    }
}

impl PartialEq for List {
    /// Whether clients see the same.
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Arc<Endpoint>, &Arc<Endpoint>)| {
            Arc::ptr_eq(one, other) || one.looks_like(other)
        };
        self.slots == other.slots
            && self.endpoints.len() == other.endpoints.len()
            && self.endpoints.iter().zip(&other.endpoints).all(same)
            && self.categories().eq(other.categories())
    }
}
