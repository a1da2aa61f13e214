use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lookaside_core::{Revision, Snapshot};
use lookaside_registry::{Handle, Registered, Registration};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::{
    made::{Made, SWEEP},
    pace::Pace,
};
use crate::{RegistrationLimits, peers::network};

/// How long a registration may wait for its turn: an agent waits a second for an answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// How many addresses are remembered: as many as there are registrations by default, each
/// of which may come from a machine of its own; some 25 MB. When there are more, those that
/// have been quiet for a second and have nothing registered are forgotten; if that is not
/// enough, further ones are bound by the limits for all alone.
const MAX_PEERS: usize = 100_000;

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
    /// When quiet peers were last looked for: not at each request.
    swept_at: Option<Instant>,
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
                swept_at: None,
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
        if let Some(of_peer) = peer.and_then(|peer| self.peer(&mut state, peer, now)) {
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

    fn peer<'a>(&self, state: &'a mut State, peer: IpAddr, now: Instant) -> Option<&'a mut OfPeer> {
        let peer = network(peer);
        if state.peers.len() >= MAX_PEERS && !state.peers.contains_key(&peer) {
            if state.swept_at.is_some_and(|at| now < at + SWEEP) {
                return None;
            }
            state.swept_at = Some(now);
            let is_active = |it: &mut OfPeer| !it.pace.is_idle(now) || it.made.count(now) > 0;
            state.peers.retain(|_, it| is_active(it));
            if state.peers.len() >= MAX_PEERS {
                return None;
            }
        }
        Some(state.peers.entry(peer).or_insert_with(|| OfPeer {
            pace: Pace::new(self.limits.per_second_per_peer, now),
            made: Made::default(),
        }))
    }

    /// A peer made a registration.
    pub(super) fn made(&self, peer: Option<IpAddr>, it: &Registration, made: &Registered) {
        // Where nobody counts them they are not to be remembered.
        if self.limits.per_peer > 0 {
            let until = Instant::now() + made.ttl;
            self.with(peer, |all| all.made(it, &made.handle, until));
        }
    }

    /// A peer renewed one.
    pub(super) fn renewed(&self, peer: Option<IpAddr>, handle: &Handle, ttl: Duration) {
        let until = Instant::now() + ttl;
        self.with(peer, |made| made.renewed(handle, until));
    }

    /// A peer ended one.
    pub(super) fn ended(&self, peer: Option<IpAddr>, handle: &Handle) {
        self.with(peer, |made| made.ended(handle));
    }

    fn with(&self, peer: Option<IpAddr>, act: impl FnOnce(&mut Made)) {
        let mut state = self.state();
        if let Some(of_peer) = peer.and_then(|peer| state.peers.get_mut(&network(peer))) {
            act(&mut of_peer.made);
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
