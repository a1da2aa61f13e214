use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

/// How many streams begin in a second, and which of those that want to.
///
/// A token bucket (the generic cell rate algorithm: one time instead of a count), and in
/// front of it a queue in the order of start-time fair queueing: of the connections that
/// wait, each has its turn, however many streams one of them asks for. So a client that
/// asks for thousands delays itself and nobody else.
///
/// Waiting is better than refusing: some stock clients turn to their own addresses when
/// their first stream is refused.
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two tokens; zero: no limit.
    interval: Duration,
    /// When the bucket will be full again.
    full_at: Instant,
    /// The place of the stream that began last.
    serving: u64,
    arrivals: u64,
    waiting: BTreeMap<Place, oneshot::Sender<()>>,
    max_waiting: usize,
}

/// How much the bucket holds: one second's tokens.
const BURST: Duration = Duration::from_secs(1);

/// How far a connection can fall behind the others, in streams: what it has wanted too much
/// of is forgotten at some time.
const MAX_BEHIND: u64 = 1000;

/// Where a stream is in the queue: by turn, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    turn: u64,
    arrival: u64,
}

/// A connection's own turn.
#[derive(Debug, Default)]
pub(crate) struct Turn(AtomicU64);

/// What a stream that wants to begin is told.
#[derive(Debug)]
pub(super) enum Entrance {
    Begin,
    /// When this is sent; when it is dropped, it is refused.
    Wait(Place, oneshot::Receiver<()>),
    /// More wait than can begin within their patience.
    Full,
}

impl Pace {
    /// `per_second` 0: no limit. Streams wait up to `patience`.
    pub(super) fn new(per_second: u32, patience: Duration, now: Instant) -> Self {
        let max_waiting = f64::from(per_second) * patience.as_secs_f64();
        Self {
            interval: BURST.checked_div(per_second).unwrap_or_default(),
            full_at: now,
            serving: 0,
            arrivals: 0,
            waiting: BTreeMap::new(),
            max_waiting: max_waiting as usize,
        }
    }

    /// A stream of the connection whose turn this is wants to begin.
    pub(super) fn enter(&mut self, turn: &Turn, now: Instant) -> Entrance {
        let place = Place {
            turn: turn
                .0
                .load(Relaxed)
                .clamp(self.serving, self.serving + MAX_BEHIND),
            arrival: self.arrivals,
        };
        self.arrivals += 1;
        turn.0.store(place.turn + 1, Relaxed);
        if self.waiting.is_empty() && self.take(now).is_ok() {
            self.serving = place.turn;
            return Entrance::Begin;
        }
        let (begin, told) = oneshot::channel();
        self.waiting.insert(place, begin);
        if self.waiting.len() > self.max_waiting {
            // Whoever asked for most has to go, and among equals the last to come.
            if let Some((last, _)) = self.waiting.pop_last()
                && last == place
            {
                return Entrance::Full;
            }
        }
        Entrance::Wait(place, told)
    }

    /// Lets those begin whose time has come; returns when the next may.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Instant> {
        loop {
            let first = self.waiting.first_entry()?;
            if first.get().is_closed() {
                first.remove();
                continue;
            }
            if let Err(ready) = self.take(now) {
                return Some(ready);
            }
            if let Some((place, begin)) = self.waiting.pop_first() {
                self.serving = place.turn;
                // Gone since: then its token is lost, and nothing else.
                let _ = begin.send(());
            }
        }
    }

    /// A stream waits no longer.
    pub(super) fn leave(&mut self, place: Place) {
        self.waiting.remove(&place);
    }

    /// Takes a token, if there is one; else says when there will be.
    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.max(now) + self.interval;
        // The last token of the bucket leaves it to be full one burst from now.
        match full_at.checked_sub(BURST).filter(|ready| *ready > now) {
            Some(ready) => Err(ready),
            None => {
                self.full_at = full_at;
                Ok(())
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests;
