use std::{net::SocketAddr, sync::Arc, time::Instant};

use crate::{Backend, Service};

/// What a service's plan is to be made from.
#[derive(Clone, Debug)]
pub struct Belief {
    /// The registered backends and the suspects.
    pub service: Arc<Service>,
    /// Those that are in `service` and not registered, sorted by id.
    pub suspects: Arc<[Suspect]>,
    /// Whether to plan from it. If not, vanished backends are being asked whether they
    /// are alive, and the backends that were planned last stand until then.
    pub settled: bool,
}

/// A backend that is kept although its registration is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// As it was registered.
    pub backend: Arc<Backend>,
    /// What its address resolved to then.
    pub addresses: Arc<[SocketAddr]>,
    /// When its registration vanished.
    pub since: Instant,
    /// When it goes at the latest.
    pub until: Instant,
    /// Whether it has answered; else it has not been asked yet.
    pub answered: bool,
}
