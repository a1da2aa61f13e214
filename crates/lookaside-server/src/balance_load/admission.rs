use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use lookaside_core::ServiceName;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use super::{
    pace::{Entrance, Pace, Place},
    refusal::{Reason, Refusal},
};
use crate::{
    Limits,
    listener::Connection,
    peers::{PeerShare, Peers},
};

/// The last of a full queue has its turn just when its patience ends, and timers are late.
const SLACK: Duration = Duration::from_millis(10);

/// Decides which streams are served, before anything is sent on them: only a refusal
/// before the initial response makes stock clients back off.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Limits,
    patience: Duration,
    streams: AtomicUsize,
    peers: Arc<Peers>,
    pace: Mutex<Pace>,
    /// A stream waits for its turn.
    queued: Notify,
}

/// An admitted stream's share of the limits; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    connection: Arc<Connection>,
    _peer: PeerShare,
}

impl Admission {
    /// Streams wait for their turn up to `patience`, and only while [`Admission::run`] runs.
    pub(crate) fn new(limits: Limits, patience: Duration) -> Self {
        let pace = Pace::new(limits.new_streams_per_second, patience, Instant::now());
        Self {
            patience,
            streams: AtomicUsize::new(0),
            peers: Peers::new(limits.streams_per_peer),
            pace: Mutex::new(pace),
            queued: Notify::new(),
            limits,
        }
    }

    /// Gives those that wait their turns, until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let next = self.pace().advance(Instant::now());
            match next {
                Some(next) => sleep_until(next).await,
                None => self.queued.notified().await,
            }
        }
    }

    /// How many streams are admitted just now.
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Relaxed)
    }

    /// Admits a stream, perhaps after a wait.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED, with the limit that is reached.
    pub(super) async fn admit(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        name: &ServiceName,
    ) -> Result<Permit, Refusal> {
        let permit = self.enter(connection)?;
        let per_name = self.limits.streams_per_second_per_name;
        if !connection.reopens().open(name, per_name, Instant::now()) {
            return Err(Refusal::exhausted(
                Reason::Reopened,
                format!(
                    "more than {per_name} streams for {name} within a second on one connection"
                ),
            ));
        }
        if !self.turn(connection).await {
            return Err(Refusal::exhausted(
                Reason::NewStreams,
                format!(
                    "more than {} new streams per second",
                    self.limits.new_streams_per_second
                ),
            ));
        }
        Ok(permit)
    }

    /// Waits for a connection's turn; says whether it came.
    async fn turn(&self, connection: &Connection) -> bool {
        let (place, told) = match self.pace().enter(connection.turn(), Instant::now()) {
            Entrance::Begin => return true,
            Entrance::Wait(place, told) => (place, told),
            Entrance::Full => return false,
        };
        self.queued.notify_one();
        let _queued = Queued {
            admission: self,
            place,
        };
        matches!(timeout(self.patience + SLACK, told).await, Ok(Ok(())))
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, connection: &Arc<Connection>) -> Result<Permit, Refusal> {
        let limits = &self.limits;
        let peer = self.peers.enter(connection.peer()).ok_or_else(|| {
            Refusal::exhausted(
                Reason::StreamsPerPeer,
                format!(
                    "this address has {} streams already",
                    limits.streams_per_peer
                ),
            )
        })?;
        if !count_up(&self.streams, limits.streams) {
            return Err(Refusal::exhausted(
                Reason::Streams,
                format!("this balancer has {} streams already", limits.streams),
            ));
        }
        if !count_up(connection.streams(), limits.streams_per_connection) {
            self.streams.fetch_sub(1, Relaxed);
            return Err(Refusal::exhausted(
                Reason::StreamsPerConnection,
                format!(
                    "this connection has {} streams already",
                    limits.streams_per_connection
                ),
            ));
        }
        Ok(Permit {
            admission: Arc::clone(self),
            connection: Arc::clone(connection),
            _peer: peer,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.connection.streams().fetch_sub(1, Relaxed);
        self.admission.streams.fetch_sub(1, Relaxed);
    }
}

/// A place in the queue, given up when its stream has begun or is gone.
struct Queued<'a> {
    admission: &'a Admission,
    place: Place,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.admission.pace().leave(self.place);
    }
}

impl Permit {
    /// The connection it was given to.
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

/// Counts one up unless that would exceed `limit` (0: none).
fn count_up(count: &AtomicUsize, limit: usize) -> bool {
    count
        .fetch_update(Relaxed, Relaxed, |count| {
            (limit == 0 || count < limit).then_some(count + 1)
        })
        .is_ok()
}

#[cfg(test)]
mod tests;
