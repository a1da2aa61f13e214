//! Backends that are registered by host name: what their names resolve to.

mod book;
mod lookup;
mod resolver;
#[cfg(feature = "dns")]
mod system;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use lookaside_core::{Backend, Host, Service};
use tokio::time::Instant;

#[cfg(feature = "dns")]
pub use self::system::SystemLookup;
pub use self::{
    lookup::{Answer, LOOKUP_TIMEOUT, Lookup, LookupError},
    resolver::{MAX_LOOKUPS, MAX_NAMES, NameResolver},
};

/// What the host names of a registry resolve to. Immutable; one per change.
#[derive(Clone, Debug, Default)]
pub struct Names {
    hosts: BTreeMap<Arc<str>, Arc<NameStatus>>,
}

/// One host name that has been tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameStatus {
    /// What it resolved to when that last worked: sorted, each once. Empty if it never
    /// did.
    pub addresses: Arc<[IpAddr]>,
    /// Why the addresses may be out of date, if they may.
    pub failure: Option<NameFailure>,
}

/// A host name that does not resolve now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFailure {
    /// What is wrong.
    pub error: Arc<str>,
    /// Since when no lookup has worked.
    pub since: Instant,
    /// When one last did.
    pub last_good: Option<Instant>,
}

impl FromIterator<(Arc<str>, NameStatus)> for Names {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, NameStatus)>>(hosts: I) -> Self {
        let hosts = hosts.into_iter().map(|(host, it)| (host, Arc::new(it)));
        Self {
            hosts: hosts.collect(),
        }
    }
}

impl Names {
    /// What is known of a host; `None` until it has been tried once.
    pub fn status(&self, host: &str) -> Option<&Arc<NameStatus>> {
        self.hosts.get(host)
    }

    /// All hosts that have been tried, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<NameStatus>)> {
        self.hosts.iter()
    }

    /// Where a backend can be dialled: none while its name has not been resolved.
    pub fn addresses(&self, backend: &Backend) -> Arc<[SocketAddr]> {
        let port = backend.address.port();
        match backend.address.host() {
            Host::Ip(ip) => Arc::new([SocketAddr::new(*ip, port)]),
            Host::Name(host) => self.status(host).map_or_else(Arc::default, |status| {
                let addresses = status.addresses.iter();
                addresses.map(|ip| SocketAddr::new(*ip, port)).collect()
            }),
        }
    }

    /// Whether every host name of a service has been tried once. Until then a list of
    /// its backends may lack some for no better reason than a slow lookup.
    pub fn covers(&self, service: &Service) -> bool {
        service.backends.iter().all(|it| match it.address.host() {
            Host::Ip(_) => true,
            Host::Name(host) => self.hosts.contains_key(host),
        })
    }
}

#[cfg(test)]
mod tests;
