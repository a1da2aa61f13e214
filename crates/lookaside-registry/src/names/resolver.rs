use std::{
    collections::{BTreeSet, HashMap},
    future,
    sync::Arc,
};

use lookaside_core::{Host, Snapshot};
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Answer, LOOKUP_TIMEOUT, Lookup, LookupError, Names,
    book::{Book, Ticket},
};
use crate::{RegistryState, task::Task};

/// How many lookups run at once: a name server's queue is not ours to fill.
pub const MAX_LOOKUPS: usize = 64;

/// How many host names are looked up: whoever can register backends can make names.
pub const MAX_NAMES: usize = 10_000;

/// Resolves the host names of a registry's backends, again and again by their time to
/// live, keeping what was last found while a lookup fails.
///
/// Backends registered by IP address cost nothing.
#[derive(Debug)]
pub struct NameResolver {
    names: watch::Receiver<Arc<Names>>,
    _task: Task,
}

impl NameResolver {
    /// Follows the registry until it or this ends. Must be called within a tokio
    /// runtime. `rng` spreads retries.
    pub fn spawn(
        lookup: Arc<dyn Lookup>,
        states: watch::Receiver<Arc<RegistryState>>,
        rng: fastrand::Rng,
    ) -> Self {
        let (publisher, names) = watch::channel(Arc::default());
        let run = Run {
            lookup,
            rng,
            book: Book::new(MAX_NAMES),
            lookups: JoinSet::new(),
            running: HashMap::new(),
        };
        Self {
            names,
            _task: Task::spawn(run.follow(states, publisher)),
        }
    }

    /// What the names resolve to, now and after every change. A slow reader skips to
    /// the newest.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Names>> {
        self.names.clone()
    }
}

struct Run {
    lookup: Arc<dyn Lookup>,
    rng: fastrand::Rng,
    book: Book,
    lookups: JoinSet<Result<Answer, LookupError>>,
    running: HashMap<Id, (Arc<str>, Ticket)>,
}

impl Run {
    async fn follow(
        mut self,
        mut states: watch::Receiver<Arc<RegistryState>>,
        publisher: watch::Sender<Arc<Names>>,
    ) {
        let mut last: Option<Arc<Snapshot>> = None;
        states.mark_changed();
        loop {
            let due = match self.book.next_due() {
                Some(due) if self.lookups.len() < MAX_LOOKUPS => Some(due),
                _ => None,
            };
            let changed = tokio::select! {
                alive = states.changed() => {
                    if alive.is_err() {
                        return;
                    }
                    let next = states.borrow_and_update().backends.clone();
                    let same = match (&last, &next) {
                        (Some(last), Some(next)) => Arc::ptr_eq(last, next),
                        (None, None) => true,
                        _ => false,
                    };
                    last = next;
                    !same && self.book.follow(&hosts(last.as_deref()), Instant::now())
                }
                Some(done) = self.lookups.join_next_with_id() => self.end_all(done),
                () = async {
                    match due {
                        Some(due) => sleep_until(due).await,
                        None => future::pending().await,
                    }
                } => {
                    self.begin_all();
                    false
                }
            };
            if changed {
                publisher.send_replace(Arc::new(self.book.names()));
            }
        }
    }

    fn begin_all(&mut self) {
        let now = Instant::now();
        while self.lookups.len() < MAX_LOOKUPS
            && let Some((host, ticket)) = self.book.begin(now)
        {
            let lookup = Arc::clone(&self.lookup);
            let name = Arc::clone(&host);
            let task = self.lookups.spawn(async move {
                match timeout(LOOKUP_TIMEOUT, lookup.lookup(&name)).await {
                    Ok(found) => found,
                    Err(_) => Err(LookupError::Timeout(LOOKUP_TIMEOUT)),
                }
            });
            self.running.insert(task.id(), (host, ticket));
        }
    }

    /// Ends a lookup, and with it all others that are done, so that many make one change.
    fn end_all(&mut self, first: Done) -> bool {
        let now = Instant::now();
        let mut changed = false;
        let mut next = Some(first);
        while let Some(done) = next {
            let (id, found) = match done {
                Ok((id, found)) => (id, found),
                Err(error) => {
                    let failed = LookupError::Failed(format!("lookup ended: {error}").into());
                    (error.id(), Err(failed))
                }
            };
            if let Some((host, ticket)) = self.running.remove(&id) {
                changed |= self.book.end(&host, ticket, found, now, &mut self.rng);
            }
            next = self.lookups.try_join_next_with_id();
        }
        changed
    }
}

type Done = Result<(Id, Result<Answer, LookupError>), JoinError>;

fn hosts(snapshot: Option<&Snapshot>) -> BTreeSet<&Arc<str>> {
    let services = snapshot.into_iter().flat_map(|it| it.services.values());
    let backends = services.flat_map(|service| &service.backends);
    let names = backends.filter_map(|backend| match backend.address.host() {
        Host::Name(name) => Some(name),
        Host::Ip(_) => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests;
