use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

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
    /// For how long its hold stood still since, but for the time that it stands now.
    pub stood: Duration,
    /// When it goes at the latest.
    pub hold: Hold,
    /// Whether it has answered; else it has not been asked yet.
    pub answered: bool,
}

/// How much longer a suspect is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// At most until then.
    Until(Instant),
    /// The registry is lost, so that it could not register again: at most for so long once
    /// the registry is back.
    Standing {
        /// What is left.
        left: Duration,
    },
}

impl Hold {
    /// Whether it is over. Time that does not count ends nothing.
    pub(super) fn is_over(self, now: Instant) -> bool {
        match self {
            Self::Until(until) => now >= until,
            Self::Standing { .. } => false,
        }
    }

    /// When it is over, unless something happens.
    pub(super) fn end(self) -> Option<Instant> {
        match self {
            Self::Until(until) => Some(until),
            Self::Standing { .. } => None,
        }
    }
}
