use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_core::{Backend, ServiceName, Snapshot, Suspect};

use crate::RegistryState;

/// What a balancer makes of the backends that a registry says: which of those that are
/// gone it holds all the same.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What it has judged; `None` before the first complete state.
    pub backends: Option<Arc<Snapshot>>,
    /// Those that are not among them and held, sorted by id. Some may have left since.
    pub suspects: BTreeMap<ServiceName, Arc<[Suspect]>>,
}

/// What is known from before this process began.
#[derive(Clone, Debug)]
pub struct LastKnown {
    /// What the registry said.
    pub state: Arc<RegistryState>,
    /// Whom the balancer held.
    pub suspects: BTreeMap<ServiceName, Vec<LastSuspect>>,
}

/// A backend that was held although its registration was gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSuspect {
    /// As it was registered.
    pub backend: Arc<Backend>,
    /// What its address resolved to then.
    pub addresses: Vec<SocketAddr>,
    /// When its registration vanished; in milliseconds, in this era.
    pub since: SystemTime,
    /// For how long since then it could not have registered again, which does not count.
    pub stood: Duration,
}
