use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use lookaside_core::BackoffConfig;
use tokio::sync::{mpsc, oneshot};

use super::{
    ConnectionSettings, Core, Health, HealthCheck, IdMap, Lease, Origin, Returns, Subchannel,
    SubchannelId, SubchannelState, actor::Actor, open_connections::OpenConnections,
};
use crate::{Address, ConnectivityState, Connector, WorkScheduler};

/// How long a connection is kept after its last handle: a backend that leaves a list
/// often comes back with the next one (the stock clients' value).
pub(crate) const LINGER: Duration = Duration::from_secs(10);

/// Beyond so many, and beyond as many as are in use, those that linger longest go early: a
/// balancer that sends list after list of new addresses must not pile up connections.
const MAX_LINGERING: usize = 1024;

/// How many state changes may wait for the policy task; actors wait beyond it.
const EVENTS: usize = 1024;

/// A subchannel changed its state.
#[derive(Debug)]
pub(crate) struct Event {
    pub(super) id: SubchannelId,
    pub(super) state: SubchannelState,
}

/// What has become of a subchannel.
pub(crate) struct Change {
    core: Arc<Core>,
    /// For the policy; none while the subchannel lingers, which is nobody's but observers'
    /// business.
    pub(crate) subchannel: Option<Subchannel>,
    pub(crate) before: ConnectivityState,
    pub(crate) state: SubchannelState,
}

impl Change {
    pub(crate) fn address(&self) -> &Address {
        &self.core.address
    }

    /// Of the backend's health alone: the connection is READY and was.
    pub(crate) fn is_health(&self) -> bool {
        let ready = ConnectivityState::Ready;
        (self.before, self.state.connectivity) == (ready, ready)
    }
}

/// A channel's subchannels: one per address, shared, kept a while when nobody holds them.
/// Owned by the policy task.
pub(crate) struct Pool {
    entries: IdMap<Entry>,
    by_address: HashMap<Address, SubchannelId>,
    /// In the order of their time, as far as it matters: all linger equally long.
    lingering: VecDeque<(Instant, SubchannelId)>,
    next_id: u64,
    returns: Returns,
    events: mpsc::Sender<Event>,
    open: OpenConnections,
    health: Arc<ArcSwapOption<HealthCheck>>,
    settings: PoolSettings,
}

/// How subchannels connect.
#[derive(Clone)]
pub(crate) struct PoolSettings {
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) connection: ConnectionSettings,
    pub(crate) backoff: BackoffConfig,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) origin: Origin,
    /// None: connections are enough.
    pub(crate) health: Option<HealthCheck>,
}

struct Entry {
    core: Arc<Core>,
    lease: Weak<Lease>,
    /// Of the handles that want its health checked.
    checked_lease: Weak<Lease>,
    /// As last told to the policy.
    state: SubchannelState,
    expires: Option<Instant>,
    /// It is in `lingering`, where it is at most once.
    queued: bool,
    /// Ends the actor when dropped.
    _stop: oneshot::Sender<()>,
}

impl Entry {
    fn is_held(&self) -> bool {
        self.lease.strong_count() + self.checked_lease.strong_count() > 0
    }

    /// The state as those see it who want the health checked. What the actor has not begun
    /// with yet is pending, so that nobody takes it for healthy in the meantime.
    fn checked_state(&self, checks: bool) -> SubchannelState {
        let mut state = self.state.clone();
        let fresh = state.health == Health::Unchecked;
        if checks && fresh && state.connectivity == ConnectivityState::Ready {
            state.health = Health::Pending;
        }
        state
    }
}

impl Pool {
    pub(crate) fn new(
        settings: PoolSettings,
        work: WorkScheduler,
    ) -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let returns = Returns {
            work,
            ..Returns::default()
        };
        let pool = Self {
            entries: IdMap::default(),
            by_address: HashMap::new(),
            lingering: VecDeque::new(),
            next_id: 0,
            returns,
            events,
            open: OpenConnections::default(),
            health: Arc::new(ArcSwapOption::from_pointee(settings.health.clone())),
            settings,
        };
        (pool, receiver)
    }

    /// What subchannels are asked from now on, if it is another question than before.
    #[cfg(all(feature = "health", feature = "service-config"))]
    pub(crate) fn set_health(&mut self, check: Option<HealthCheck>) {
        if self.settings.health == check {
            return;
        }
        self.health.store(check.clone().map(Arc::new));
        self.settings.health = check;
        for entry in self.entries.values() {
            entry.core.wake.notify_one();
        }
    }

    /// What subchannels are asked.
    #[cfg(all(feature = "health", feature = "service-config"))]
    pub(crate) fn health(&self) -> Option<&HealthCheck> {
        self.settings.health.as_ref()
    }

    /// A handle to the connection to `address`, and its state as last told.
    pub(crate) fn get(&mut self, address: &Address) -> (Subchannel, SubchannelState) {
        let key = address.key();
        let id = match self.by_address.get(&key) {
            Some(id) => *id,
            None => self.add(key),
        };
        let (returns, checks) = (&self.returns, self.settings.health.is_some());
        #[expect(clippy::expect_used, reason = "both maps hold the same subchannels")]
        let entry = self.entries.get_mut(&id).expect("known by its address");
        let checked = address.is_health_checked();
        let known = if checked {
            &mut entry.checked_lease
        } else {
            &mut entry.lease
        };
        let lease = known.upgrade().unwrap_or_else(|| {
            let lease = Arc::new(Lease::new(&entry.core, returns, checked));
            *known = Arc::downgrade(&lease);
            entry.expires = None;
            lease
        });
        let token = address.token().cloned();
        let handle = Subchannel::new(Arc::clone(&entry.core), lease, token);
        let state = if checked {
            entry.checked_state(checks)
        } else {
            entry.state.without_health()
        };
        (handle, state)
    }

    fn add(&mut self, address: Address) -> SubchannelId {
        let id = SubchannelId(self.next_id);
        self.next_id += 1;
        let origin = self.settings.origin.clone();
        let core = Arc::new(Core::new(id, address.clone(), Some(origin)));
        let (stop, stopped) = oneshot::channel();
        let actor = Actor {
            core: Arc::clone(&core),
            connector: Arc::clone(&self.settings.connector),
            settings: self.settings.connection,
            backoff: self.settings.backoff,
            connect_timeout: self.settings.connect_timeout,
            events: self.events.clone(),
            open: self.open.clone(),
            health: Arc::clone(&self.health),
            stop: stopped,
        };
        tokio::spawn(actor.run());
        let entry = Entry {
            core,
            lease: Weak::new(),
            checked_lease: Weak::new(),
            state: SubchannelState::default(),
            expires: None,
            queued: false,
            _stop: stop,
        };
        self.entries.insert(id, entry);
        self.by_address.insert(address, id);
        id
    }

    /// Takes note of an event. None where the subchannel has been let go of meanwhile.
    pub(crate) fn apply(&mut self, event: Event) -> Option<Change> {
        let entry = self.entries.get_mut(&event.id)?;
        let before = std::mem::replace(&mut entry.state, event.state).connectivity;
        let checked = entry.checked_lease.upgrade();
        let state = match &checked {
            Some(_) => entry.checked_state(self.settings.health.is_some()),
            None => entry.state.clone(),
        };
        let core = Arc::clone(&entry.core);
        let lease = checked.or_else(|| entry.lease.upgrade());
        let subchannel = lease.map(|lease| Subchannel::new(Arc::clone(&core), lease, None));
        Some(Change {
            core,
            subchannel,
            before,
            state,
        })
    }

    /// Ends all waits between attempts, and begins with short ones.
    pub(crate) fn reset_backoff(&self) {
        for entry in self.entries.values() {
            entry.core.reset_backoff();
        }
    }

    /// Starts the clock of subchannels that lost their last handle, and ends those whose
    /// time is over.
    pub(crate) fn sweep(&mut self, now: Instant) {
        for id in self.returns.take() {
            if let Some(entry) = self.entries.get_mut(&id)
                && !entry.is_held()
            {
                let at = now + LINGER;
                entry.expires = Some(at);
                if !std::mem::replace(&mut entry.queued, true) {
                    self.lingering.push_back((at, id));
                }
            }
        }
        while let Some((at, id)) = self.lingering.front().copied() {
            let crowded = self.lingering.len() > MAX_LINGERING.max(self.entries.len() / 2);
            if at > now && !crowded {
                break;
            }
            self.lingering.pop_front();
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            match entry.expires {
                // In use again.
                None => entry.queued = false,
                // It was, and has been given back since.
                Some(later) if later > now && !crowded => self.lingering.push_back((later, id)),
                Some(_) => self.remove(id),
            }
        }
    }

    fn remove(&mut self, id: SubchannelId) {
        if let Some(entry) = self.entries.remove(&id) {
            tracing::debug!(address = %entry.core.address, "subchannel let go");
            self.by_address.remove(&entry.core.address);
        }
    }

    /// Lets go of all subchannels at once. Calls that are open finish.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.by_address.clear();
        self.lingering.clear();
        // Those that are still held come back unknown.
        drop(self.returns.take());
    }

    /// Whether a call is open, on whatever connection: one that was let go of has a call as
    /// long as it is there.
    pub(crate) fn has_calls(&self) -> bool {
        let mut unused = 0;
        for entry in self.entries.values() {
            if let Some(connection) = &*entry.core.connection.load() {
                if connection.has_calls() {
                    return true;
                }
                unused += 1;
            }
        }
        self.open.count() > unused
    }

    /// When to sweep next.
    pub(crate) fn next_sweep(&self) -> Option<Instant> {
        self.lingering.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests;
