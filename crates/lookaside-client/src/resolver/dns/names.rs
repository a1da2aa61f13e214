use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use lookaside_core::{Host, HostPort};
use tokio::time::timeout;

use super::{LOOKUP_TIMEOUT, Lookup};
use crate::{
    Address, ResolveError,
    resolver::{fixed, pace::Look},
};

/// A list of hosts, and what each was last found to be.
pub(super) struct Names {
    hosts: Vec<Known>,
    own_authority: bool,
    /// The last failure.
    error: Option<ResolveError>,
}

struct Known {
    host: HostPort,
    /// Its last good addresses.
    found: Vec<SocketAddr>,
    /// It has been looked up, with whatever result.
    asked: bool,
}

impl Names {
    pub(super) fn new(hosts: Vec<HostPort>, own_authority: bool) -> Self {
        let known = |host: HostPort| Known {
            found: host.socket_addr().into_iter().collect(),
            asked: host.socket_addr().is_some(),
            host,
        };
        Self {
            hosts: hosts.into_iter().map(known).collect(),
            own_authority,
            error: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The names to look up.
    pub(super) fn names(&self, look: Look) -> impl Iterator<Item = Arc<str>> {
        self.hosts
            .iter()
            .filter(move |known| look == Look::All || known.found.is_empty())
            .filter_map(|known| match known.host.host() {
                Host::Name(name) => Some(Arc::clone(name)),
                Host::Ip(_) => None,
            })
    }

    /// Takes the result for a name. One that fails keeps its last good addresses.
    pub(super) fn found(&mut self, name: &str, result: &io::Result<Vec<IpAddr>>) {
        for known in &mut self.hosts {
            if !matches!(known.host.host(), Host::Name(host) if **host == *name) {
                continue;
            }
            known.asked = true;
            match result {
                Ok(ips) => {
                    let port = known.host.port();
                    let sockets = ips.iter().map(|ip| SocketAddr::new(*ip, port));
                    known.found = sockets.collect();
                }
                Err(error) => {
                    let host = &known.host;
                    tracing::warn!(%host, %error, kept = known.found.len(), "could not resolve");
                    self.error = Some(ResolveError::new(format!("resolve {host}: {error}")));
                }
            }
        }
    }

    /// Every name has an address.
    pub(super) fn complete(&self) -> bool {
        self.hosts.iter().all(|known| !known.found.is_empty())
    }

    /// There is an address, or there is none to wait for.
    pub(super) fn settled(&self) -> bool {
        let found = |known: &Known| !known.found.is_empty();
        self.hosts.iter().any(found) || self.hosts.iter().all(|known| known.asked)
    }

    /// All addresses, in the order of the hosts; an error while there are none.
    pub(super) fn result(&self) -> Result<Arc<[Address]>, ResolveError> {
        let mut addresses = Vec::new();
        for known in &self.hosts {
            for socket in &known.found {
                let authority = self.own_authority.then_some(&known.host);
                fixed::push(&mut addresses, *socket, authority);
            }
        }
        match (&self.error, self.hosts.first()) {
            (Some(error), Some(_)) if addresses.is_empty() => Err(error.clone()),
            (None, Some(first)) if addresses.is_empty() => {
                let host = &first.host;
                Err(ResolveError::new(format!("resolve {host}: no answer yet")))
            }
            _ => Ok(addresses.into()),
        }
    }
}

/// Looks a name up, for no longer than is reasonable. No addresses are an error.
pub(super) async fn find(
    lookup: Arc<dyn Lookup>,
    name: Arc<str>,
) -> (Arc<str>, io::Result<Vec<IpAddr>>) {
    let result = match timeout(LOOKUP_TIMEOUT, lookup.lookup(&name)).await {
        Ok(Ok(ips)) if ips.is_empty() => {
            Err(io::Error::new(io::ErrorKind::NotFound, "no addresses"))
        }
        Ok(result) => result,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {LOOKUP_TIMEOUT:?}"),
        )),
    };
    (name, result)
}
