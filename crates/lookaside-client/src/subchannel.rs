//! Connections: a [`Subchannel`] is a handle to the one connection that a channel keeps
//! to an address.

mod actor;
mod connection;
mod direct;
mod frames;
mod health;
mod id_map;
mod last_words;
mod open_connections;
mod pool;
mod watched_io;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{AcqRel, Release, SeqCst},
        },
    },
};

use arc_swap::ArcSwapOption;
pub(crate) use connection::{Connection, ConnectionSettings, InUse, KeepAlive, describe};
#[cfg(feature = "policies")]
pub(crate) use direct::Direct;
pub(crate) use direct::Origin;
pub use health::Health;
pub(crate) use health::HealthCheck;
pub(crate) use id_map::{IdMap, IdSet};
pub(crate) use pool::{Change, Event, Pool, PoolSettings};
use tokio::sync::Notify;

use crate::{Address, ConnectivityState, LbToken, PickError, WorkScheduler};

/// Names a subchannel within its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubchannelId(u64);

/// A subchannel's state, and what went wrong last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubchannelState {
    /// As gRPC defines it: what the connection is.
    pub connectivity: ConnectivityState,
    /// While READY: whether the backend says that it serves.
    pub health: Health,
    /// Why the last attempt failed, the last connection ended, or the backend is not
    /// healthy, with the address; nothing once connected and healthy.
    pub error: Option<PickError>,
}

impl SubchannelState {
    /// A state without an error.
    pub fn new(connectivity: ConnectivityState) -> Self {
        Self {
            connectivity,
            health: Health::Unchecked,
            error: None,
        }
    }

    /// A state with an error.
    pub fn with_error(connectivity: ConnectivityState, error: PickError) -> Self {
        Self {
            error: Some(error),
            ..Self::new(connectivity)
        }
    }

    /// What a policy that spreads calls over many backends makes of it: a connection to a
    /// backend that has not said yet whether it serves is CONNECTING, and one to a backend
    /// that does not serve is as good as a failure (A17). (`pick_first` goes by
    /// `connectivity` alone.)
    pub fn checked_connectivity(&self) -> ConnectivityState {
        match (self.connectivity, self.health) {
            (ConnectivityState::Ready, Health::Pending) => ConnectivityState::Connecting,
            (ConnectivityState::Ready, Health::NotServing) => ConnectivityState::TransientFailure,
            (connectivity, _) => connectivity,
        }
    }

    /// The same for those who do not care for its health.
    pub(crate) fn without_health(&self) -> Self {
        match self.health {
            Health::Unchecked => self.clone(),
            _ => Self::new(self.connectivity),
        }
    }
}

/// A handle to the connection to one address, and the token that picks of it carry.
///
/// Handles are cheap to clone. The connection is shared by all handles to one address
/// and let go of some time after the last of them.
#[derive(Clone)]
pub struct Subchannel {
    core: Arc<Core>,
    lease: Arc<Lease>,
    token: Option<LbToken>,
}

/// What the actor, the pool and the calls share of one subchannel.
pub(crate) struct Core {
    id: SubchannelId,
    address: Address,
    /// As the channel's, with the address's own authority if it has one.
    origin: Option<Origin>,
    /// Present while READY: written by the actor, read by every pick.
    connection: ArcSwapOption<Connection>,
    connect_requested: AtomicBool,
    backoff_reset: AtomicBool,
    /// How many leases want its health checked: one, and for a moment two.
    checked: AtomicUsize,
    wake: Notify,
}

impl Subchannel {
    fn new(core: Arc<Core>, lease: Arc<Lease>, token: Option<LbToken>) -> Self {
        Self { core, lease, token }
    }

    /// A subchannel that belongs to no channel and never connects, for tests of policies
    /// and pickers.
    pub fn detached(id: u64, address: &Address) -> Self {
        let core = Arc::new(Core::new(SubchannelId(id), address.key(), None));
        let lease = Arc::new(Lease::new(&core, &Returns::default(), false));
        Self::new(core, lease, address.token().cloned())
    }

    /// Which connection this is; the same for all handles to it.
    pub fn id(&self) -> SubchannelId {
        self.core.id
    }

    /// Where it connects to.
    pub fn address(&self) -> &Address {
        &self.core.address
    }

    /// What calls that pick this handle carry as `lb-token`.
    pub fn token(&self) -> Option<&LbToken> {
        self.token.as_ref()
    }

    /// Asks for a connection. Does nothing unless the subchannel is IDLE.
    pub fn connect(&self) {
        if !self.core.connect_requested.swap(true, AcqRel) {
            self.core.wake.notify_one();
        }
    }

    /// Whether a connection was asked for since the last time this was.
    #[cfg(test)]
    pub(crate) fn take_connect_request(&self) -> bool {
        self.core.connect_requested.swap(false, AcqRel)
    }

    /// What asks the backend over this connection alone, if READY. Whoever holds it lets go
    /// of it when told that the connection has ended.
    #[cfg(feature = "policies")]
    pub(crate) fn direct(&self) -> Option<Direct> {
        let connection = self.connection()?;
        let origin = self.core.origin.clone()?;
        Some(Direct::new(&connection, origin))
    }

    /// The connection to send on, if READY.
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        let connection = self.core.connection.load_full()?;
        (!connection.is_retired()).then_some(connection)
    }
}

impl fmt::Debug for Subchannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subchannel")
            .field("id", &self.core.id.0)
            .field("address", self.core.address.endpoint())
            .field("handles", &Arc::strong_count(&self.lease))
            .finish_non_exhaustive()
    }
}

impl Core {
    /// What could not be reached is tried again at once.
    fn reset_backoff(&self) {
        self.backoff_reset.store(true, Release);
        self.wake.notify_one();
    }

    /// Without an origin for one that never connects.
    fn new(id: SubchannelId, address: Address, origin: Option<Origin>) -> Self {
        let origin = origin.map(|mut origin| {
            if let Some(own) = address.authority() {
                origin.authority = own.clone();
            }
            origin
        });
        Self {
            id,
            address,
            origin,
            connection: ArcSwapOption::empty(),
            connect_requested: AtomicBool::new(false),
            backoff_reset: AtomicBool::new(false),
            checked: AtomicUsize::new(0),
            wake: Notify::new(),
        }
    }
}

/// Shared by all handles to a subchannel that want its health checked, or by all that do
/// not; dropped with the last of them.
struct Lease {
    id: SubchannelId,
    returns: Returns,
    checked: Option<Arc<Core>>,
}

impl Lease {
    fn new(core: &Arc<Core>, returns: &Returns, checked: bool) -> Self {
        if checked {
            core.checked.fetch_add(1, SeqCst);
            core.wake.notify_one();
        }
        Self {
            id: core.id,
            returns: returns.clone(),
            checked: checked.then(|| Arc::clone(core)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(core) = &self.checked {
            core.checked.fetch_sub(1, SeqCst);
            core.wake.notify_one();
        }
        self.returns.give_back(self.id);
    }
}

/// Subchannels without handles, on their way back to the pool: each at most once.
#[derive(Clone, Default)]
struct Returns {
    ids: Arc<Mutex<Vec<SubchannelId>>>,
    work: WorkScheduler,
}

impl Returns {
    fn give_back(&self, id: SubchannelId) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.push(id);
        drop(ids);
        self.work.schedule_work();
    }

    fn take(&self) -> Vec<SubchannelId> {
        std::mem::take(&mut self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
