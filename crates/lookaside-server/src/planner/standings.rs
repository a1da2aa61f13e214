use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use lookaside_core::{
    Backend, BackendState, Ejections, ResolvedBackend, ServiceOverrides, Suspect, dialled,
};

use crate::table::{Cordoned, Standing, StandingState};

/// Since when each backend of a service is in its state.
#[derive(Debug, Default)]
pub(super) struct Standings {
    /// Of these, sorted by id.
    backends: Arc<[ResolvedBackend]>,
    standings: Arc<[Standing]>,
    /// Whether nothing but the backends themselves went into them.
    plain: bool,
}

/// What of a service's inputs is not said by a backend itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) overrides: &'a ServiceOverrides,
    /// Sorted by id.
    pub(super) cordoned: &'a [Cordoned],
    pub(super) ejections: Option<&'a Ejections>,
    /// Sorted by id.
    pub(super) suspects: &'a [Suspect],
}

impl Standings {
    /// The newest, in the order of the backends, which are sorted by id.
    ///
    /// A backend that is the very one of before is not looked at where nothing else counts:
    /// of 10,000 the text lies all over the memory.
    pub(super) fn update(
        &mut self,
        backends: &Arc<[ResolvedBackend]>,
        facts: Facts<'_>,
        now: SystemTime,
    ) -> Arc<[Standing]> {
        let plain = facts.is_plain();
        let carried = plain && self.plain;
        let mut last = self.backends.iter().zip(&*self.standings).peekable();
        let standing = |new: &ResolvedBackend| {
            let (backend, resolved) = new;
            let known = last
                .next_if(|((old, _), _)| Arc::ptr_eq(old, backend))
                .or_else(|| {
                    while last.next_if(|((old, _), _)| old.id < backend.id).is_some() {}
                    last.next_if(|((old, _), _)| old.id == backend.id)
                });
            if carried
                && let Some((old, standing)) = known
                && Arc::ptr_eq(&old.0, backend)
                && Arc::ptr_eq(&old.1, resolved)
            {
                return *standing;
            }
            let state = facts.state(backend, resolved);
            let stays = known.filter(|(_, standing)| standing.state == state);
            let since = stays.map_or(now, |(_, standing)| standing.since);
            Standing { state, since }
        };
        self.standings = backends.iter().map(standing).collect();
        self.backends = Arc::clone(backends);
        self.plain = plain;
        Arc::clone(&self.standings)
    }
}

impl Facts<'_> {
    fn is_plain(&self) -> bool {
        let ejects = self.ejections.is_some_and(|them| !them.is_empty());
        let ordered = !self.overrides.backends.is_empty() || !self.cordoned.is_empty();
        !ordered && !ejects && self.suspects.is_empty()
    }

    /// Of several the first that keeps calls away.
    fn state(&self, backend: &Backend, resolved: &[SocketAddr]) -> StandingState {
        let overrides = self.overrides.backends.get(&backend.id);
        if overrides.is_some_and(|them| them.drain.is_some()) {
            StandingState::Drained
        } else if Cordoned::of(&backend.id, self.cordoned).is_some_and(Cordoned::is_whole) {
            StandingState::Cordoned
        } else if backend.state == BackendState::Draining {
            StandingState::Draining
        } else if backend.weight == 0 {
            StandingState::Drained
        } else if resolved.is_empty() {
            StandingState::Unresolved
        } else if self.ejects_all(backend, resolved) {
            StandingState::Ejected
        } else if self.suspects(backend) {
            StandingState::Suspect
        } else {
            StandingState::Serving
        }
    }

    fn ejects_all(&self, backend: &Backend, resolved: &[SocketAddr]) -> bool {
        let ejected = self.ejections.map_or(&[][..], |them| them.of(&backend.id));
        let is_ejected = |addr: &SocketAddr| ejected.iter().any(|it| it.addr == *addr);
        !ejected.is_empty() && dialled(resolved).iter().all(is_ejected)
    }

    fn suspects(&self, backend: &Backend) -> bool {
        let found = self
            .suspects
            .binary_search_by(|it| it.backend.id.cmp(&backend.id));
        found.is_ok()
    }
}

#[cfg(test)]
mod tests;
