mod names;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lookaside_core::HostPort;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use self::names::Names;
use super::{
    Resolver, ResolverBuilder, ResolverController, ResolverUpdate,
    lookup::{Lookup, SystemLookup},
};
use crate::WorkScheduler;

/// How often names are looked up. The system's resolver tells no time to live. As gRPC
/// lets no reason make lookups more frequent than every 30 s, looking every 30 s leaves no
/// reason unheard.
const REFRESH: Duration = Duration::from_secs(30);

/// While a name has never been found.
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
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        let found = Found::default();
        let searcher = Searcher {
            addresses: Names::new(self.addresses.clone(), false),
            balancers: Names::new(self.balancers.clone(), true),
            lookup: Arc::clone(&self.lookup),
            found: Arc::clone(&found),
            work,
        };
        Box::new(Dns {
            found,
            task: tokio::spawn(searcher.run()),
        })
    }
}

type Found = Arc<Mutex<Option<ResolverUpdate>>>;

struct Dns {
    found: Found,
    task: JoinHandle<()>,
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Resolver for Dns {
    fn resolve_now(&mut self) {
        // Soon enough: see `REFRESH`.
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
    work: WorkScheduler,
}

impl Searcher {
    async fn run(mut self) {
        let mut last = None;
        loop {
            // All at once: a name server that hangs for one name holds up no other.
            let mut lookups = JoinSet::new();
            for name in self.addresses.names().chain(self.balancers.names()) {
                lookups.spawn(names::find(Arc::clone(&self.lookup), name));
            }
            while let Some(joined) = lookups.join_next().await {
                let Ok((name, result)) = joined else { continue };
                self.addresses.found(&name, &result);
                self.balancers.found(&name, &result);
                self.publish(&mut last);
            }
            let complete = self.addresses.complete() && self.balancers.complete();
            sleep(if complete { REFRESH } else { RETRY }).await;
        }
    }

    /// Tells what is known, if that is new and enough to begin with: whether there are
    /// balancers decides what a channel does.
    fn publish(&mut self, last: &mut Option<ResolverUpdate>) {
        let begin = if self.balancers.is_empty() {
            self.addresses.settled()
        } else {
            self.balancers.settled()
        };
        if !begin {
            return;
        }
        let update = ResolverUpdate {
            addresses: self.addresses.result(),
            balancers: self.balancers.result(),
            service_config: None,
            policy_config: None,
        };
        if last.as_ref() != Some(&update) {
            *last = Some(update.clone());
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(update);
            self.work.schedule_work();
        }
    }
}

#[cfg(test)]
mod tests;
