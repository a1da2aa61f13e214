//! What outlives a process: whom the one before this one held, and whom this one holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use lookaside_core::{ServiceName, Snapshot};
use lookaside_registry::{Freshness, Judged, LastKnown, LastSuspect};
use tokio::time::Instant;

use super::{KNOWN_FOR, Now, Services};

/// What is known from before this process began, until the registry says something.
#[derive(Debug)]
pub(super) struct Remembered {
    backends: Arc<Snapshot>,
    suspects: Suspects,
    /// The last time that the registry was known to say so.
    as_of: Instant,
}

pub(super) type Suspects = BTreeMap<ServiceName, Vec<LastSuspect>>;

impl Services {
    /// Takes over what the registry said when it was last followed, by a process before
    /// this one: what has vanished since is judged like any removal, and whom that process
    /// held is held on. A state that is long past says nothing, as the addresses in it may
    /// be anybody's by now.
    pub(in crate::planner) fn remember(&mut self, last_known: &LastKnown, now: Now) {
        let as_of = match last_known.state.freshness {
            Freshness::Connecting { .. } => return,
            Freshness::Synced { as_of } | Freshness::Stale { as_of, .. } => as_of,
        };
        if self.has_state || now.timer > as_of + KNOWN_FOR {
            return;
        }
        let backends = last_known.state.backends.clone();
        self.last_known = backends.map(|backends| Remembered {
            backends,
            suspects: last_known.suspects.clone(),
            as_of,
        });
    }

    /// Goes back to where the process before this one was: all its suspects registered,
    /// and their mass removals going on. Says what to compare the first state with, and
    /// who the suspects were.
    pub(super) fn recall(&mut self, now: Now) -> Option<(Arc<Snapshot>, Suspects)> {
        let Remembered {
            backends,
            mut suspects,
            as_of,
        } = self.last_known.take()?;
        // A registry that is lost now has been lost since then.
        let lost_for = match self.removals.is_lost() {
            true => now.timer.saturating_duration_since(as_of),
            false => Duration::ZERO,
        };
        suspects.retain(|name, them| {
            let hold_down = self.policy(name).hold_down.value;
            them.retain_mut(|it| {
                let age = age(it, now);
                it.stood = it.stood.saturating_add(lost_for).min(age);
                age - it.stood < hold_down
            });
            !them.is_empty()
        });
        let backends = with_suspects(backends, &suspects);
        let services = backends.services.iter();
        let all = services.map(|(name, service)| (name.clone(), Some(Arc::clone(service))));
        let at = now.timer.into_std();
        self.observe_removals(all.collect(), &suspects, at);
        self.removals.resume(suspects.keys(), at);
        Some((backends, suspects))
    }

    /// They have been judged; what is left of their time is not a whole one.
    pub(super) fn hold_since(&mut self, suspects: &Suspects, now: Now) {
        for (name, suspect) in suspects
            .iter()
            .flat_map(|(name, them)| them.iter().map(move |it| (name, it)))
        {
            // A clock that starts with the machine may not go back so far.
            if let Some(since) = now.timer.checked_sub(age(suspect, now)) {
                let known = (since.into_std(), suspect.stood);
                let (id, at) = (&suspect.backend.id, now.timer.into_std());
                self.removals.held_since(name, id, known, at);
            }
        }
    }

    /// Notes whom these services hold by now, for the process after this one. Whoever
    /// leaves without a new state is not worth a note: he is asked again.
    pub(super) fn note_suspects(&mut self, names: &BTreeSet<ServiceName>) {
        let is_new = |judged: &Judged| {
            let judged = judged.backends.as_ref();
            !judged.is_some_and(|it| Arc::ptr_eq(it, &self.backends))
        };
        let mut changes = Vec::new();
        for name in names {
            let suspects = self.removals.suspects_of(name);
            if !suspects.is_empty() || self.judged.suspects.contains_key(name) {
                changes.push((name, suspects));
            }
        }
        if changes.is_empty() && !is_new(&self.judged) {
            return;
        }
        let mut suspects = self.judged.suspects.clone();
        for (name, them) in changes {
            if them.is_empty() {
                suspects.remove(name);
            } else {
                suspects.insert(name.clone(), them);
            }
        }
        self.judged = Arc::new(Judged {
            backends: Some(Arc::clone(&self.backends)),
            suspects,
        });
    }

    /// What is made of the registry's newest state; another value whenever it changes.
    pub(in crate::planner) fn judged(&self) -> &Arc<Judged> {
        &self.judged
    }
}

/// One from the future, as the clock was set back, is new.
fn age(suspect: &LastSuspect, now: Now) -> Duration {
    let age = now.clock.duration_since(suspect.since);
    age.unwrap_or_default()
}

/// The state as if the suspects were registered still.
fn with_suspects(backends: Arc<Snapshot>, suspects: &Suspects) -> Arc<Snapshot> {
    if suspects.is_empty() {
        return backends;
    }
    let mut all = (*backends).clone();
    for (name, suspects) in suspects {
        let service = all.services.entry(name.clone()).or_default();
        let service = Arc::make_mut(service);
        for suspect in suspects {
            let sorted = &service.backends;
            if let Err(at) = sorted.binary_search_by(|it| it.id.cmp(&suspect.backend.id)) {
                service.backends.insert(at, Arc::clone(&suspect.backend));
            }
        }
    }
    Arc::new(all)
}
