//! The planner's pure heart: one service's backends and settings become a list or
//! fallback. It knows nothing of the protocol in which clients get it.

mod draft;
mod endpoint;
mod health;
mod limits;
mod list;
mod planner;

use std::{fmt, net::SocketAddr, sync::Arc};

pub use endpoint::{Endpoint, MAX_ADDRESSES_PER_BACKEND, dialled, is_eligible};
pub use health::{Health, Panic};
pub use limits::{DEFAULT_MAX_BYTES, Limits, SlotRef};
pub use list::{List, NO_BACKENDS, Truncation};
pub use planner::Planner;

use crate::{Backend, ServiceName, Settings, TokenIssuer};

/// A backend and the addresses its address resolved to.
pub type ResolvedBackend = (Arc<Backend>, Arc<[SocketAddr]>);

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct ServiceInput<'a> {
    /// The service.
    pub name: &'a ServiceName,
    /// Its backends, eligible or not, each id once; sorted by id they are planned
    /// fastest.
    pub backends: &'a [ResolvedBackend],
    /// Its settings.
    pub settings: &'a Settings,
    /// What its health checks found; `None` where there are none.
    pub health: Option<Health<'a>>,
}

/// What a balancer decided for a service.
///
/// Equal plans look the same to clients: same slots at the same addresses with the same
/// tokens. Reasons, revisions, weights and errors are for people and do not count.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Slots to go round; never none.
    List(List),
    /// Clients use the addresses their own resolver gave them.
    Fallback(FallbackReason),
}

impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Fallback(_), Self::Fallback(_)) => true,
            _ => false,
        }
    }
}

/// Why a plan is fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackReason {
    /// The service's settings say so.
    Settings,
    /// Nothing is registered.
    NoBackends,
    /// Something is registered, and none of it can take calls. One that has several
    /// faults is counted under the first.
    NoneEligible {
        /// Leaving by their own word.
        draining: usize,
        /// Of weight 0.
        drained: usize,
        /// Without any address.
        unresolved: usize,
        /// Ejected by their health check, which no panic rule bounds here.
        ejected: usize,
    },
}

impl fmt::Display for FallbackReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Settings => f.write_str("the service's settings say fallback"),
            Self::NoBackends => f.write_str("no backend is registered"),
            Self::NoneEligible {
                draining,
                drained,
                unresolved,
                ejected,
            } => {
                write!(
                    f,
                    "none of the {} registered backends can take calls: \
                     {draining} draining or cordoned, {drained} of weight 0, {unresolved} without an address",
                    draining + drained + unresolved + ejected,
                )?;
                match ejected {
                    0 => Ok(()),
                    ejected => write!(f, ", {ejected} ejected"),
                }
            }
        }
    }
}

/// Plans one service once; a [`Planner`] plans it again and again, faster.
pub fn plan(input: &ServiceInput<'_>, issuer: &TokenIssuer, limits: &Limits) -> Plan {
    Planner::default().plan(input, issuer, limits)
}

#[cfg(test)]
mod tests;
