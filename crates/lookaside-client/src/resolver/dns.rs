mod names;

use std::{fmt, sync::Arc, time::Duration};

use lookaside_core::HostPort;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use self::names::Names;
use super::{
    Resolver, ResolverBuilder, ResolverUpdate,
    lookup::{LOOKUP_TIMEOUT, Lookup, SystemLookup},
    pace::{MIN_INTERVAL, Pace},
    task::{Outlet, TaskResolver},
};
use crate::WorkScheduler;

/// Resolves host names among backends and balancers.
pub(crate) struct DnsBuilder {
    addresses: Vec<HostPort>,
    balancers: Vec<HostPort>,
    lookup: Arc<dyn Lookup>,
    min_interval: Duration,
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
            min_interval: MIN_INTERVAL,
        }
    }

    /// No more often than this, whatever happens.
    pub(crate) fn min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
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
        let searcher = Searcher {
            addresses: Names::new(self.addresses.clone(), false),
            balancers: Names::new(self.balancers.clone(), true),
            lookup: Arc::clone(&self.lookup),
            min_interval: self.min_interval,
        };
        TaskResolver::spawn(work, |outlet| searcher.run(outlet))
    }
}

struct Searcher {
    addresses: Names,
    balancers: Names,
    lookup: Arc<dyn Lookup>,
    min_interval: Duration,
}

impl Searcher {
    async fn run(mut self, mut outlet: Outlet) {
        let now = || Instant::now().into_std();
        let mut pace = Pace::new(self.min_interval, fastrand::u64(..), now());
        loop {
            let (at, look) = pace.next();
            tokio::select! {
                () = sleep_until(at.into()) => {}
                () = outlet.wished() => {
                    pace.wish();
                    continue;
                }
            }
            // All at once: a name server that hangs for one name holds up no other.
            let mut lookups = JoinSet::new();
            for name in self.addresses.names(look).chain(self.balancers.names(look)) {
                lookups.spawn(names::find(Arc::clone(&self.lookup), name));
            }
            while let Some(joined) = lookups.join_next().await {
                let Ok((name, result)) = joined else { continue };
                self.addresses.found(&name, &result);
                self.balancers.found(&name, &result);
                self.publish(&mut outlet);
            }
            let complete = self.addresses.complete() && self.balancers.complete();
            pace.looked(look, !complete, None, now());
        }
    }

    /// Tells what is known, if that is enough to begin with: whether there are balancers
    /// decides what a channel does.
    fn publish(&mut self, outlet: &mut Outlet) {
        let begin = if self.balancers.is_empty() {
            self.addresses.settled()
        } else {
            self.balancers.settled()
        };
        if begin {
            let mut update = ResolverUpdate::new([]);
            update.addresses = self.addresses.result();
            update.balancers = self.balancers.result();
            outlet.publish(update);
        }
    }
}

#[cfg(test)]
mod tests;
