use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lookaside_core::{Host, HostPort};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use super::{
    ResolveError, Resolver, ResolverBuilder, ResolverController, ResolverUpdate, fixed,
    lookup::{Lookup, SystemLookup},
};
use crate::{Address, WorkScheduler};

/// How often names are looked up without any reason: the system's resolver tells no time
/// to live, and balancers come and go.
const REFRESH: Duration = Duration::from_secs(30);

/// The least time between two lookups, whatever reason there is: gRPC's value is 30 s;
/// at start-up, when nothing has been found yet, the next one comes sooner.
const MIN_INTERVAL: Duration = Duration::from_secs(30);

/// After a failure with nothing to fall back on.
const RETRY: Duration = Duration::from_secs(1);

/// A lookup that takes longer has failed.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Resolves host names among backends and balancers.
pub(crate) struct DnsBuilder {
    addresses: Vec<HostPort>,
    balancers: Vec<HostPort>,
    lookup: Arc<dyn Lookup>,
}

impl DnsBuilder {
    pub(crate) fn new(addresses: Vec<HostPort>, balancers: Vec<HostPort>) -> Self {
        Self::with_lookup(addresses, balancers, Arc::new(SystemLookup))
    }

    fn with_lookup(
        addresses: Vec<HostPort>,
        balancers: Vec<HostPort>,
        lookup: Arc<dyn Lookup>,
    ) -> Self {
        Self {
            addresses,
            balancers,
            lookup,
        }
    }
}

impl fmt::Debug for DnsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsBuilder")
            .field("addresses", &self.addresses)
            .field("balancers", &self.balancers)
            .finish_non_exhaustive()
    }
}

impl ResolverBuilder for DnsBuilder {
    fn build(self: Box<Self>, work: WorkScheduler) -> Box<dyn Resolver> {
        let found = Found::default();
        let again = Arc::new(Notify::new());
        let searcher = Searcher {
            addresses: Names::new(self.addresses, false),
            balancers: Names::new(self.balancers, true),
            lookup: self.lookup,
            found: Arc::clone(&found),
            again: Arc::clone(&again),
            work,
        };
        Box::new(Dns {
            found,
            again,
            task: tokio::spawn(searcher.run()),
        })
    }
}

type Found = Arc<Mutex<Option<ResolverUpdate>>>;

struct Dns {
    found: Found,
    again: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Resolver for Dns {
    fn resolve_now(&mut self) {
        self.again.notify_one();
    }

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let update = self
            .found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(update) = update {
            controller.update(update);
        }
    }
}

struct Searcher {
    addresses: Names,
    balancers: Names,
    lookup: Arc<dyn Lookup>,
    found: Found,
    again: Arc<Notify>,
    work: WorkScheduler,
}

impl Searcher {
    async fn run(mut self) {
        loop {
            let complete = tokio::join!(
                self.addresses.search(&*self.lookup),
                self.balancers.search(&*self.lookup),
            );
            let update = ResolverUpdate {
                addresses: self.addresses.result(),
                balancers: self.balancers.result(),
            };
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(update);
            self.work.schedule_work();

            let now = Instant::now();
            if complete == (true, true) {
                sleep_until(now + MIN_INTERVAL).await;
                let wait = REFRESH.saturating_sub(MIN_INTERVAL);
                // Either will do.
                let _ = timeout(wait, self.again.notified()).await;
            } else {
                sleep_until(now + RETRY).await;
            }
        }
    }
}

/// A list of hosts and what each was last found to be.
struct Names {
    hosts: Vec<(HostPort, Vec<SocketAddr>)>,
    own_authority: bool,
    /// The last failure, while nothing at all has been found.
    error: Option<ResolveError>,
}

impl Names {
    fn new(hosts: Vec<HostPort>, own_authority: bool) -> Self {
        let known = |host: HostPort| {
            let found = host.socket_addr().into_iter().collect();
            (host, found)
        };
        Self {
            hosts: hosts.into_iter().map(known).collect(),
            own_authority,
            error: None,
        }
    }

    /// Looks up every name; whether each has an address now. A name that fails keeps its
    /// last good addresses.
    async fn search(&mut self, lookup: &dyn Lookup) -> bool {
        let mut complete = true;
        for (host, found) in &mut self.hosts {
            let Host::Name(name) = host.host() else {
                continue;
            };
            match find(lookup, name).await {
                Ok(ips) => {
                    let port = host.port();
                    *found = ips
                        .into_iter()
                        .map(|ip| SocketAddr::new(ip, port))
                        .collect();
                }
                Err(error) => {
                    tracing::warn!(%host, %error, kept = found.len(), "could not resolve");
                    self.error = Some(ResolveError::new(format!("resolve {host}: {error}")));
                    complete &= !found.is_empty();
                }
            }
        }
        complete
    }

    fn result(&self) -> Result<Arc<[Address]>, ResolveError> {
        let mut addresses = Vec::new();
        for (host, found) in &self.hosts {
            for socket in found {
                fixed::push(&mut addresses, *socket, self.own_authority.then_some(host));
            }
        }
        match (&self.error, addresses.is_empty()) {
            (Some(error), true) => Err(error.clone()),
            _ => Ok(addresses.into()),
        }
    }
}

async fn find(lookup: &dyn Lookup, name: &str) -> io::Result<Vec<std::net::IpAddr>> {
    let ips = timeout(LOOKUP_TIMEOUT, lookup.lookup(name))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))??;
    if ips.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no addresses"));
    }
    Ok(ips)
}

#[cfg(test)]
mod tests;
