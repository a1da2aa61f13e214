use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Backend, BackendId, ServiceName};

/// A suspect is asked so often ...
const INTERVAL: Duration = Duration::from_secs(1);

/// ... unless there are more than this: a probe costs some 0.1 ms of a core.
const MAX_PER_INTERVAL: usize = 2000;

/// Names a probe that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeTicket(u64);

/// A backend to ask whether it is alive.
#[derive(Clone, Debug)]
pub struct SuspectProbe {
    /// To hand in with the answer.
    pub ticket: ProbeTicket,
    /// The service.
    pub service: ServiceName,
    /// The backend.
    pub backend: Arc<Backend>,
    /// Where it can be reached: one of these is enough. Never none.
    pub addresses: Arc<[SocketAddr]>,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeAnswer {
    /// It is there and takes calls.
    Alive,
    /// It, or its machine, said no: the port is closed, or it is not serving.
    Refused,
    /// Nothing came back in time.
    Silent,
    /// The balancer could not ask. That says nothing of the backend.
    Unasked,
}

pub(super) type Key = (ServiceName, BackendId);

/// Who is to be asked, in which order.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// Backends that have not been asked yet, by turn: a service takes one turn for each,
    /// so that a small one does not wait for a large one.
    first: BTreeSet<(u64, Key)>,
    /// Suspects, by when they are to be asked again.
    again: BTreeSet<(Instant, Key)>,
    /// The turn that came last.
    turn: u64,
    /// Both kinds come on alternately.
    again_is_next: bool,
    /// Where each of them is, in one place each: whoever returns and vanishes again must
    /// not be asked more often than others.
    places: HashMap<Key, Place>,
    in_flight: HashMap<ProbeTicket, Key>,
    last_ticket: u64,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    First(u64),
    Again(Instant),
}

impl Probes {
    /// The first probe of each of these.
    pub(super) fn add_first(
        &mut self,
        service: &ServiceName,
        ids: impl Iterator<Item = BackendId>,
    ) {
        for (turn, id) in (self.turn + 1..).zip(ids) {
            self.put(Place::First(turn), (service.clone(), id));
        }
    }

    /// One more probe, one interval from now. `suspects` is how many there are in all.
    pub(super) fn add_again(&mut self, now: Instant, suspects: usize, key: Key) {
        let rounds = u32::try_from(suspects.div_ceil(MAX_PER_INTERVAL)).unwrap_or(u32::MAX);
        self.put(Place::Again(now + INTERVAL * rounds.max(1)), key);
    }

    fn put(&mut self, place: Place, key: Key) {
        self.cancel(&key);
        match place {
            Place::First(turn) => self.first.insert((turn, key.clone())),
            Place::Again(at) => self.again.insert((at, key.clone())),
        };
        self.places.insert(key, place);
    }

    /// One need not be asked any more.
    pub(super) fn cancel(&mut self, key: &Key) {
        match self.places.remove(key) {
            Some(Place::First(turn)) => self.first.remove(&(turn, key.clone())),
            Some(Place::Again(at)) => self.again.remove(&(at, key.clone())),
            None => false,
        };
    }

    /// Whom to ask now.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Key> {
        let again_is_due = self.next_again().is_some_and(|at| at <= now);
        let again = again_is_due && (self.again_is_next || self.first.is_empty());
        self.again_is_next = !again;
        let key = if again {
            self.again.pop_first()?.1
        } else {
            let (turn, key) = self.first.pop_first()?;
            self.turn = turn;
            key
        };
        self.places.remove(&key);
        Some(key)
    }

    /// How many are to be asked.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        assert_eq!(self.first.len() + self.again.len(), self.places.len());
        self.places.len()
    }

    pub(super) fn begin(&mut self, key: Key) -> ProbeTicket {
        self.last_ticket += 1;
        let ticket = ProbeTicket(self.last_ticket);
        self.in_flight.insert(ticket, key);
        ticket
    }

    pub(super) fn end(&mut self, ticket: ProbeTicket) -> Option<Key> {
        self.in_flight.remove(&ticket)
    }

    /// Whether [`Probes::pop`] has one at once.
    pub(super) fn has_first(&self) -> bool {
        !self.first.is_empty()
    }

    /// When [`Probes::pop`] has one to ask again.
    pub(super) fn next_again(&self) -> Option<Instant> {
        self.again.first().map(|(at, _)| *at)
    }
}
