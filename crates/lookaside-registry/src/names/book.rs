use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use lookaside_core::{Backoff, BackoffConfig};
use tokio::time::Instant;

use super::{Answer, LookupError, NameFailure, NameStatus, Names};

/// Answers are believed at least so long, whatever their time to live: some servers
/// say 0.
const MIN_TTL: Duration = Duration::from_secs(1);

/// And at most so long, so that a mistake in a zone does not outlast a coffee break.
const MAX_TTL: Duration = Duration::from_secs(5 * 60);

/// How long to wait after failed lookups: never so long that a name server's return
/// goes unnoticed.
const RETRY: BackoffConfig = BackoffConfig {
    initial: Duration::from_secs(1),
    multiplier: 1.6,
    jitter: 0.2,
    max: Duration::from_secs(30),
};

/// Which names are to be looked up when, and what came of it. Pure.
#[derive(Debug)]
pub(super) struct Book {
    max_names: usize,
    entries: BTreeMap<Arc<str>, Entry>,
    /// Those not being looked up now; the most urgent first.
    due: BTreeSet<(Instant, Arc<str>)>,
    /// Names over the limit.
    refused: BTreeMap<Arc<str>, Arc<NameStatus>>,
    last_ticket: Ticket,
}

/// Tells a lookup from one that was begun before its name was forgotten and came back.
pub(super) type Ticket = u64;

#[derive(Debug)]
struct Entry {
    next: Next,
    status: Option<Arc<NameStatus>>,
    last_good: Option<Instant>,
    retry: Backoff,
}

#[derive(Debug)]
enum Next {
    Due(Instant),
    Running(Ticket),
}

impl Book {
    pub(super) fn new(max_names: usize) -> Self {
        Self {
            max_names,
            entries: BTreeMap::new(),
            due: BTreeSet::new(),
            refused: BTreeMap::new(),
            last_ticket: 0,
        }
    }

    /// Follows exactly these hosts from now on. Returns whether [`Book::names`] changed.
    pub(super) fn follow(&mut self, hosts: &BTreeSet<&Arc<str>>, now: Instant) -> bool {
        let mut changed = false;
        self.entries.retain(|host, entry| {
            let keep = hosts.contains(host);
            if !keep {
                changed |= entry.status.is_some();
                if let Next::Due(due) = entry.next {
                    self.due.remove(&(due, Arc::clone(host)));
                }
            }
            keep
        });
        let mut refused = BTreeMap::new();
        for host in hosts {
            if self.entries.contains_key(*host) {
                continue;
            }
            let host = Arc::clone(host);
            if self.entries.len() < self.max_names {
                self.due.insert((now, Arc::clone(&host)));
                self.entries.insert(host, Entry::new(now));
            } else {
                let known = self.refused.remove(&host);
                changed |= known.is_none();
                let status = known.unwrap_or_else(|| over_limit(self.max_names, now));
                refused.insert(host, status);
            }
        }
        changed |= !self.refused.is_empty();
        self.refused = refused;
        changed
    }

    /// When [`Book::begin`] has a name next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// A name to look up now.
    pub(super) fn begin(&mut self, now: Instant) -> Option<(Arc<str>, Ticket)> {
        let (due, host) = self.due.pop_first()?;
        if due > now {
            self.due.insert((due, host));
            return None;
        }
        self.last_ticket += 1;
        if let Some(entry) = self.entries.get_mut(&host) {
            entry.next = Next::Running(self.last_ticket);
        }
        Some((host, self.last_ticket))
    }

    /// Takes note of what a lookup found. Returns whether [`Book::names`] changed.
    pub(super) fn end(
        &mut self,
        host: &Arc<str>,
        ticket: Ticket,
        found: Result<Answer, LookupError>,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(host) else {
            return false;
        };
        if !matches!(entry.next, Next::Running(running) if running == ticket) {
            return false;
        }
        let (status, wait) = entry.judge(found, now, rng);
        let changed = entry.status.as_deref() != Some(&status);
        if changed {
            entry.status = Some(Arc::new(status));
        }
        let due = now + wait;
        entry.next = Next::Due(due);
        self.due.insert((due, Arc::clone(host)));
        changed
    }

    pub(super) fn names(&self) -> Names {
        let tried = self.entries.iter().filter_map(|(host, entry)| {
            let status = entry.status.as_ref()?;
            Some((Arc::clone(host), Arc::clone(status)))
        });
        let mut hosts: BTreeMap<_, _> = tried.collect();
        let refused = self.refused.iter();
        hosts.extend(refused.map(|(host, status)| (Arc::clone(host), Arc::clone(status))));
        Names { hosts }
    }
}

impl Entry {
    fn new(due: Instant) -> Self {
        Self {
            next: Next::Due(due),
            status: None,
            last_good: None,
            retry: Backoff::new(RETRY),
        }
    }

    /// What holds after a lookup, and when to try again.
    fn judge(
        &mut self,
        found: Result<Answer, LookupError>,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> (NameStatus, Duration) {
        let before = self.status.as_deref();
        let known = before.map_or(&[][..], |status| &status.addresses);
        let (addresses, error) = match found {
            Ok(Answer {
                addresses,
                ttl,
                incomplete: None,
            }) if !addresses.is_empty() => {
                self.retry.reset();
                self.last_good = Some(now);
                let status = NameStatus {
                    addresses: sorted(addresses),
                    failure: None,
                };
                return (status, ttl.clamp(MIN_TTL, MAX_TTL));
            }
            // The family that could not be asked for keeps what it had.
            Ok(Answer {
                mut addresses,
                incomplete: Some(error),
                ..
            }) if !addresses.is_empty() => {
                let (v4, v6) = (
                    addresses.iter().any(IpAddr::is_ipv4),
                    addresses.iter().any(IpAddr::is_ipv6),
                );
                let missing = known.iter().filter(|ip| match ip {
                    IpAddr::V4(_) => !v4,
                    IpAddr::V6(_) => !v6,
                });
                addresses.extend(missing);
                (sorted(addresses), error)
            }
            Ok(_) => (known.into(), LookupError::NoAddress),
            Err(error) => (known.into(), error),
        };
        let failing = before.and_then(|status| status.failure.as_ref());
        let status = NameStatus {
            addresses,
            failure: Some(NameFailure {
                error: error.to_string().into(),
                since: failing.map_or(now, |failure| failure.since),
                last_good: self.last_good,
            }),
        };
        (status, self.retry.next(rng))
    }
}

fn sorted(mut addresses: Vec<IpAddr>) -> Arc<[IpAddr]> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into()
}

fn over_limit(limit: usize, now: Instant) -> Arc<NameStatus> {
    Arc::new(NameStatus {
        addresses: Arc::default(),
        failure: Some(NameFailure {
            error: format!("not looked up: the limit of {limit} host names is reached").into(),
            since: now,
            last_good: None,
        }),
    })
}

#[cfg(test)]
mod tests;
