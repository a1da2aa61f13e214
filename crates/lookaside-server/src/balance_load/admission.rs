use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry};
use lookaside_core::ServiceName;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::pace::Pace;
use crate::{Limits, listener::Connection};

/// Decides which streams are served, before anything is sent on them: only a refusal
/// before the initial response makes stock clients back off.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Limits,
    patience: Duration,
    streams: AtomicUsize,
    peers: DashMap<IpAddr, usize>,
    pace: Mutex<Pace>,
}

/// An admitted stream's share of the limits; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    connection: Arc<Connection>,
}

impl Admission {
    pub(crate) fn new(limits: Limits, patience: Duration) -> Self {
        let pace = Pace::new(limits.new_streams_per_second, Instant::now());
        Self {
            limits,
            patience,
            streams: AtomicUsize::new(0),
            peers: DashMap::new(),
            pace: Mutex::new(pace),
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
    ) -> Result<Permit, Status> {
        let permit = self.enter(connection)?;
        let per_name = self.limits.streams_per_second_per_name;
        if !connection.reopens().open(name, per_name, Instant::now()) {
            return Err(refused(format!(
                "more than {per_name} streams for {name} within a second on one connection"
            )));
        }
        let ready = self
            .pace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(Instant::now(), self.patience);
        match ready {
            Some(ready) => sleep_until(ready).await,
            None => {
                return Err(refused(format!(
                    "more than {} new streams per second",
                    self.limits.new_streams_per_second
                )));
            }
        }
        Ok(permit)
    }

    fn enter(self: &Arc<Self>, connection: &Arc<Connection>) -> Result<Permit, Status> {
        if !count_up(&self.streams, self.limits.streams) {
            return Err(refused(format!(
                "this balancer has {} streams already",
                self.limits.streams
            )));
        }
        if !count_up(connection.streams(), self.limits.streams_per_connection) {
            self.streams.fetch_sub(1, Relaxed);
            return Err(refused(format!(
                "this connection has {} streams already",
                self.limits.streams_per_connection
            )));
        }
        if !self.enter_peer(connection.peer()) {
            connection.streams().fetch_sub(1, Relaxed);
            self.streams.fetch_sub(1, Relaxed);
            return Err(refused(format!(
                "this address has {} streams already",
                self.limits.streams_per_peer
            )));
        }
        Ok(Permit {
            admission: Arc::clone(self),
            connection: Arc::clone(connection),
        })
    }

    fn enter_peer(&self, peer: Option<IpAddr>) -> bool {
        let (Some(peer), limit @ 1..) = (peer, self.limits.streams_per_peer) else {
            return true;
        };
        let mut streams = self.peers.entry(peer).or_default();
        let admitted = *streams < limit;
        if admitted {
            *streams += 1;
        }
        admitted
    }

    fn leave_peer(&self, peer: Option<IpAddr>) {
        if let (Some(peer), 1..) = (peer, self.limits.streams_per_peer)
            && let Entry::Occupied(mut streams) = self.peers.entry(peer)
        {
            *streams.get_mut() -= 1;
            if *streams.get() == 0 {
                streams.remove();
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.leave_peer(self.connection.peer());
        self.connection.streams().fetch_sub(1, Relaxed);
        self.admission.streams.fetch_sub(1, Relaxed);
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

fn refused(why: String) -> Status {
    Status::resource_exhausted(why)
}

#[cfg(test)]
mod tests;
