//! The `dns` scheme with a DNS client of its own: beside the addresses of a name its
//! balancers (SRV, gRFC A5) and its service config (TXT, gRFC A2).

mod choices;
mod client;
mod known;
mod order;
mod records;

use std::{fmt, io, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

pub(crate) use self::client::Client;
use self::{
    choices::ChoiceOf,
    known::{Answered, Balancer, Known},
    records::{Answer, Records},
};
use super::{
    Resolver, ResolverBuilder,
    lookup::LOOKUP_TIMEOUT,
    pace::{Look, Pace},
    task::{Outlet, TaskResolver},
};
use crate::WorkScheduler;

/// What is looked up of a name.
#[derive(Clone)]
pub(crate) struct SrvBuilder {
    pub(crate) name: Arc<str>,
    pub(crate) port: u16,
    pub(crate) records: Arc<dyn Records>,
    /// Look for balancers.
    pub(crate) balancers: bool,
    /// Look for a service config.
    pub(crate) service_config: bool,
    pub(crate) min_interval: Duration,
}

impl fmt::Debug for SrvBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrvBuilder")
            .field("name", &self.name)
            .field("balancers", &self.balancers)
            .field("service_config", &self.service_config)
            .finish_non_exhaustive()
    }
}

impl ResolverBuilder for SrvBuilder {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        let searcher = Searcher {
            settings: self.clone(),
            known: Known::new(&self.name, self.port, self.balancers, self.service_config),
            choice_of: ChoiceOf::this_client(),
            order_seed: fastrand::u64(..),
        };
        TaskResolver::spawn(work, |outlet| searcher.run(outlet))
    }
}

struct Searcher {
    settings: SrvBuilder,
    known: Known,
    choice_of: ChoiceOf,
    /// The same balancers are tried in the same order each time; other channels have
    /// another one.
    order_seed: u64,
}

impl Searcher {
    async fn run(mut self, mut outlet: Outlet) {
        let now = || Instant::now().into_std();
        let mut pace = Pace::new(self.settings.min_interval, fastrand::u64(..), now());
        loop {
            let (at, look) = pace.next();
            tokio::select! {
                () = sleep_until(at.into()) => {}
                () = outlet.wished() => {
                    pace.wish();
                    continue;
                }
            }
            let mut ttl = None;
            // All at once: one that hangs holds up no other.
            let mut lookups = self.look(look);
            while let Some(joined) = lookups.join_next().await {
                let Ok((answered, holds)) = joined else {
                    continue;
                };
                ttl = [ttl, holds].into_iter().flatten().min();
                self.known.set(answered);
                if let Some(update) = self.known.update() {
                    outlet.publish(update);
                }
            }
            pace.looked(look, self.known.is_incomplete(), ttl, now());
        }
    }

    fn look(&self, look: Look) -> JoinSet<(Answered, Option<Duration>)> {
        let mut lookups = JoinSet::new();
        let all = look == Look::All;
        let host = Arc::clone(&self.settings.name);
        if all || self.known.lacks_addresses() {
            let asked = self.settings.records.addresses(&host);
            lookups.spawn(async move { split(limited(asked).await, Answered::Addresses) });
        }
        if self.settings.balancers && (all || self.known.lacks_balancers()) {
            let records = Arc::clone(&self.settings.records);
            let (host, seed) = (Arc::clone(&host), self.order_seed);
            lookups.spawn(async move {
                let found = balancers(&*records, &host, seed).await;
                split(found, Answered::Balancers)
            });
        }
        if self.settings.service_config && (all || self.known.lacks_service_config()) {
            // gRFC A2.
            let asked = self.settings.records.txt(&format!("_grpc_config.{host}"));
            let choice_of = self.choice_of.clone();
            lookups.spawn(async move {
                split(limited(asked).await, |found| {
                    Answered::ServiceConfig(found.map(|texts| choice_of.choose(&texts)))
                })
            });
        }
        lookups
    }
}

/// The records for one part, and how long they hold.
fn split<T>(
    found: io::Result<Answer<T>>,
    part: impl FnOnce(io::Result<Vec<T>>) -> Answered,
) -> (Answered, Option<Duration>) {
    let ttl = found.as_ref().ok().map(|answer| answer.ttl);
    (part(found.map(|answer| answer.records)), ttl)
}

async fn limited<T>(asked: records::Answers<T>) -> io::Result<Answer<T>> {
    timeout(LOOKUP_TIMEOUT, asked).await.unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {LOOKUP_TIMEOUT:?}"),
        ))
    })
}

/// A host's balancers with their addresses, in the order in which to try them (gRFC A5).
async fn balancers(records: &dyn Records, host: &str, seed: u64) -> io::Result<Answer<Balancer>> {
    let service = format!("_grpclb._tcp.{host}");
    let Answer {
        records: found,
        mut ttl,
    } = limited(records.srv(&service)).await?;
    let mut lookups = JoinSet::new();
    let ordered = order::by_priority_and_weight(found, seed);
    let mut balancers: Vec<_> = ordered.iter().map(Balancer::without_addresses).collect();
    for (index, target) in ordered.iter().enumerate() {
        let asked = records.addresses(&target.host);
        lookups.spawn(async move { (index, limited(asked).await) });
    }
    let mut error = None;
    while let Some(joined) = lookups.join_next().await {
        match joined {
            Ok((index, Ok(found))) => {
                ttl = ttl.min(found.ttl);
                if let Some(balancer) = balancers.get_mut(index) {
                    balancer.set_addresses(&found.records);
                }
            }
            Ok((index, Err(failed))) => {
                let host = ordered.get(index).map_or("", |target| &target.host);
                tracing::warn!(host, error = %failed, "could not resolve");
                let text = format!("balancer {host}: {failed}");
                error = Some(io::Error::new(failed.kind(), text));
            }
            Err(_) => {}
        }
    }
    match error {
        // Those that can be reached will do.
        Some(error) if balancers.iter().all(Balancer::is_empty) => Err(error),
        _ => Ok(Answer {
            records: balancers,
            ttl,
        }),
    }
}

#[cfg(test)]
mod tests;
