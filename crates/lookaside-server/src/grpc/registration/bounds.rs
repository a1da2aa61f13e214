use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lookaside_core::{Revision, Snapshot};
use lookaside_registry::{Handle, Registration};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::{made::Made, pace::Pace};
use crate::{RegistrationLimits, peers::network};

/// How long a registration may wait for its turn: an agent waits a second for an answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// How many addresses are remembered. Those that have been quiet for a second and have
/// nothing registered are forgotten first; there are never more with something than there
/// are registrations.
const MAX_PEERS: usize = 10_000;

/// Keeps what backends register within bounds: whoever may register at all could fill the
/// registry otherwise.
#[derive(Debug)]
pub(super) struct Bounds {
    limits: RegistrationLimits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    peers: HashMap<IpAddr, OfPeer>,
    /// How many backends there were at a revision.
    total: (Revision, usize),
}

#[derive(Debug)]
struct OfPeer {
    pace: Pace,
    made: Made,
}

impl Bounds {
    pub(super) fn new(limits: RegistrationLimits) -> Self {
        let pace = Pace::new(limits.per_second, Instant::now());
        Self {
            limits,
            state: Mutex::new(State {
                pace,
                peers: HashMap::new(),
                total: (0, 0),
            }),
        }
    }

    /// Lets a registration pass, perhaps after a wait.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED, with the limit that is reached.
    pub(super) async fn admit(
        &self,
        peer: Option<IpAddr>,
        registration: &Registration,
        snapshot: Option<&Snapshot>,
    ) -> Result<(), Status> {
        if let Some(snapshot) = snapshot {
            self.check_room(registration, snapshot)?;
        }
        let ready = self.take_turn(peer, Instant::now())?;
        sleep_until(ready).await;
        Ok(())
    }

    /// Against what is registered just now, by whomever: a few more may come in before the
    /// next snapshot.
    fn check_room(&self, it: &Registration, snapshot: &Snapshot) -> Result<(), Status> {
        let services = &snapshot.services;
        match services.get(&it.service) {
            // One that comes back needs no more room.
            Some(known) if known.backends.iter().any(|backend| backend.id == it.id) => {
                return Ok(());
            }
            Some(known) => within(known.backends.len(), self.limits.per_service, || {
                format!("backends of service {} are registered", it.service)
            })?,
            None => within(services.len(), self.limits.services, || {
                "services have backends".to_owned()
            })?,
        }
        within(self.total(snapshot), self.limits.total, || {
            "backends are registered".to_owned()
        })
    }

    fn total(&self, snapshot: &Snapshot) -> usize {
        let mut state = self.state();
        if state.total.0 != snapshot.revision {
            let services = snapshot.services.values();
            let total = services.map(|service| service.backends.len()).sum();
            state.total = (snapshot.revision, total);
        }
        state.total.1
    }

    fn take_turn(&self, peer: Option<IpAddr>, now: Instant) -> Result<Instant, Status> {
        let mut state = self.state();
        let mut ready = now;
        if let Some(peer) = peer {
            let of_peer = self.peer(&mut state, peer, now)?;
            let made = of_peer.made.count(now);
            within(made, self.limits.per_peer, || {
                "registrations of this address live".to_owned()
            })?;
            let per_second = self.limits.per_second_per_peer;
            ready = of_peer.pace.take(now, PATIENCE).ok_or_else(|| {
                refused(format!(
                    "more than {per_second} registrations a second from one address"
                ))
            })?;
        }
        let per_second = self.limits.per_second;
        let of_all = state
            .pace
            .take(now, PATIENCE)
            .ok_or_else(|| refused(format!("more than {per_second} registrations a second")))?;
        Ok(ready.max(of_all))
    }

    fn peer<'a>(
        &self,
        state: &'a mut State,
        peer: IpAddr,
        now: Instant,
    ) -> Result<&'a mut OfPeer, Status> {
        let peer = network(peer);
        let peers = &mut state.peers;
        if peers.len() >= MAX_PEERS && !peers.contains_key(&peer) {
            peers.retain(|_, it| !it.pace.is_idle(now) || it.made.count(now) > 0);
            if peers.len() >= MAX_PEERS {
                return Err(refused(format!("{MAX_PEERS} addresses register just now")));
            }
        }
        Ok(peers.entry(peer).or_insert_with(|| OfPeer {
            pace: Pace::new(self.limits.per_second_per_peer, now),
            made: Made::default(),
        }))
    }

    /// A peer made or renewed a registration.
    pub(super) fn lives(&self, peer: Option<IpAddr>, handle: &Handle, ttl: Duration, new: bool) {
        let now = Instant::now();
        let mut state = self.state();
        let Some(of_peer) = peer.and_then(|peer| state.peers.get_mut(&network(peer))) else {
            return;
        };
        of_peer.made.lives(handle, now + ttl, new);
    }

    /// A peer ended one.
    pub(super) fn ended(&self, peer: Option<IpAddr>, handle: &Handle) {
        let mut state = self.state();
        if let Some(of_peer) = peer.and_then(|peer| state.peers.get_mut(&network(peer))) {
            of_peer.made.ended(handle);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn within(count: usize, limit: usize, what: impl Fn() -> String) -> Result<(), Status> {
    if limit > 0 && count >= limit {
        return Err(refused(format!("{count} {}, the limit is {limit}", what())));
    }
    Ok(())
}

fn refused(why: String) -> Status {
    Status::resource_exhausted(why)
}

#[cfg(test)]
mod tests;
