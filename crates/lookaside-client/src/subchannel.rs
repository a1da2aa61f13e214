//! Connections: a [`Subchannel`] is a handle to the one connection that a channel keeps
//! to an address.

mod actor;
mod connection;
mod frames;
mod last_words;
mod open_connections;
mod pool;
mod watched_io;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::AcqRel},
    },
};

use arc_swap::ArcSwapOption;
pub(crate) use connection::{Connection, ConnectionSettings, InUse, KeepAlive, describe};
pub(crate) use pool::{Event, Pool, PoolSettings};
use tokio::sync::Notify;

use crate::{Address, ConnectivityState, LbToken, PickError, WorkScheduler};

/// Names a subchannel within its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubchannelId(u64);

/// A subchannel's state, and what went wrong last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubchannelState {
    /// As gRPC defines it.
    pub connectivity: ConnectivityState,
    /// Why the last attempt failed or the last connection ended, with the address; nothing
    /// once connected.
    pub error: Option<PickError>,
}

impl SubchannelState {
    /// A state without an error.
    pub fn new(connectivity: ConnectivityState) -> Self {
        Self {
            connectivity,
            error: None,
        }
    }

    /// A state with an error.
    pub fn with_error(connectivity: ConnectivityState, error: PickError) -> Self {
        Self {
            connectivity,
            error: Some(error),
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
    /// Present while READY: written by the actor, read by every pick.
    connection: ArcSwapOption<Connection>,
    connect_requested: AtomicBool,
    wake: Notify,
}

impl Subchannel {
    fn new(core: Arc<Core>, lease: Arc<Lease>, token: Option<LbToken>) -> Self {
        Self { core, lease, token }
    }

    /// A subchannel that belongs to no channel and never connects, for tests of policies
    /// and pickers.
    pub fn detached(id: u64, address: &Address) -> Self {
        let core = Arc::new(Core::new(SubchannelId(id), address.without_token()));
        let lease = Arc::new(Lease {
            id: core.id,
            returns: Returns::default(),
        });
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
    fn new(id: SubchannelId, address: Address) -> Self {
        Self {
            id,
            address,
            connection: ArcSwapOption::empty(),
            connect_requested: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }
}

/// Shared by all handles to a subchannel; dropped with the last of them.
struct Lease {
    id: SubchannelId,
    returns: Returns,
}

impl Drop for Lease {
    fn drop(&mut self) {
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
