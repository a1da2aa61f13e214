//! What became of each call, as its caller and the backends saw it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::time::Instant;

/// The metadata that says which call it is.
pub const CALL_ID: &str = "call-id";

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Book(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub struct State {
    next: u64,
    pub calls: BTreeMap<u64, Seen>,
}

/// What backends saw of a call, and what it may have counted for.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub arrivals: Vec<Arrival>,
    /// How many balanced calls it was in the load reports, at least and at most. None while
    /// it goes on.
    pub counted: Option<(u64, u64)>,
    pub dropped: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub backend: SocketAddr,
    pub at: Instant,
    pub balanced: bool,
    pub outcome: Outcome,
}

/// What a backend does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answers,
    /// With a status of its own.
    Fails,
    /// Its stream is refused: it was not looked at.
    Refuses,
}

impl Book {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        let id = state.next;
        state.calls.insert(id, Seen::default());
        id
    }

    pub fn arrived(&self, call: u64, arrival: Arrival) {
        let mut state = self.lock();
        state.calls.entry(call).or_default().arrivals.push(arrival);
    }

    pub fn seen(&self, call: u64) -> Seen {
        self.lock().calls.get(&call).cloned().unwrap_or_default()
    }

    pub fn counted(&self, call: u64, at_least: u64, at_most: u64) {
        if let Some(call) = self.lock().calls.get_mut(&call) {
            call.counted = Some((at_least, at_most));
        }
    }

    pub fn dropped(&self, call: u64, category: &str) {
        if let Some(call) = self.lock().calls.get_mut(&call) {
            call.dropped = Some(category.to_owned());
        }
    }

    /// Of all calls, at least and at most: how many count in load reports.
    pub fn sum(&self) -> (u64, u64) {
        let state = self.lock();
        let counted = state.calls.values().filter_map(|call| call.counted);
        counted.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
    }

    /// By category.
    pub fn drops(&self) -> BTreeMap<String, u64> {
        let mut drops = BTreeMap::new();
        for call in self.lock().calls.values() {
            if let Some(category) = &call.dropped {
                *drops.entry(category.clone()).or_default() += 1;
            }
        }
        drops
    }
}

impl Seen {
    /// How often a backend took it on.
    pub fn taken(&self) -> usize {
        let taken = |arrival: &&Arrival| arrival.outcome != Outcome::Refuses;
        self.arrivals.iter().filter(taken).count()
    }

    pub fn refused(&self) -> usize {
        self.arrivals.len() - self.taken()
    }

    /// How many attempts of it a backend of a list saw.
    pub fn balanced(&self) -> u64 {
        let taken = |it: &&Arrival| it.balanced && it.outcome != Outcome::Refuses;
        self.arrivals.iter().filter(taken).count() as u64
    }
}
