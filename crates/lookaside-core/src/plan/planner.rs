use std::{net::SocketAddr, sync::Arc};

use super::{
    Endpoint, FallbackReason, Limits, List, Plan, ResolvedBackend, ServiceInput, draft::Draft,
    endpoint,
};
use crate::{Backend, BackendState, Drops, ServiceName, TokenIssuer, token::ServiceIssuer};

/// Plans one service again and again, and keeps what it worked out per backend.
///
/// What was planned before makes no difference to a plan, only to how soon it is there.
#[derive(Debug, Default)]
pub struct Planner {
    made_for: Option<(ServiceName, TokenIssuer)>,
    /// Sorted by id, each once.
    known: Vec<Known>,
}

/// What is known of one backend.
#[derive(Debug)]
struct Known {
    backend: Arc<Backend>,
    resolved: Arc<[SocketAddr]>,
    /// None if it is not eligible.
    endpoints: Box<[Arc<Endpoint>]>,
    /// The backend's, kept where it is read without a detour.
    weight: u32,
}

impl Known {
    fn new(new: &ResolvedBackend, issuer: &ServiceIssuer) -> Self {
        let (backend, resolved) = new;
        Self {
            backend: Arc::clone(backend),
            resolved: Arc::clone(resolved),
            endpoints: endpoint::of(backend, resolved, issuer),
            weight: backend.weight,
        }
    }

    fn is_same(&self, (backend, resolved): &ResolvedBackend) -> bool {
        Arc::ptr_eq(&self.backend, backend) && Arc::ptr_eq(&self.resolved, resolved)
    }

    fn is_equal(&self, (backend, resolved): &ResolvedBackend) -> bool {
        self.backend == *backend && self.resolved == *resolved
    }
}

impl Planner {
    /// The plan for this input, whatever was planned before.
    pub fn plan(
        &mut self,
        input: &ServiceInput<'_>,
        issuer: &TokenIssuer,
        limits: &Limits,
    ) -> Plan {
        let made_for = Some((input.name.clone(), issuer.clone()));
        if self.made_for != made_for {
            self.known.clear();
            self.made_for = made_for;
        }
        self.learn(input.backends, &issuer.for_service(input.name));
        if input.settings.fallback {
            return Plan::Fallback(FallbackReason::Settings);
        }
        match self.list(&input.settings.drops, limits) {
            Some(list) => Plan::List(list),
            None => Plan::Fallback(self.why_none()),
        }
    }

    fn learn(&mut self, backends: &[ResolvedBackend], issuer: &ServiceIssuer) {
        let before = std::mem::take(&mut self.known);
        self.known = merge(before, backends, issuer).unwrap_or_else(|| {
            let mut sorted = backends.to_vec();
            sorted.sort_by(|one, other| one.0.id.cmp(&other.0.id));
            sorted.dedup_by(|one, other| one.0.id == other.0.id);
            sorted.iter().map(|new| Known::new(new, issuer)).collect()
        });
    }

    fn list(&self, drops: &Drops, limits: &Limits) -> Option<List> {
        let backends = self
            .known
            .iter()
            .filter(|known| !known.endpoints.is_empty())
            .map(|known| (known.weight, &*known.endpoints));
        Draft::new(backends).list(drops, limits)
    }

    fn why_none(&self) -> FallbackReason {
        if self.known.is_empty() {
            return FallbackReason::NoBackends;
        }
        let (mut draining, mut drained, mut unresolved) = (0, 0, 0);
        for known in &self.known {
            if known.backend.state == BackendState::Draining {
                draining += 1;
            } else if known.backend.weight == 0 {
                drained += 1;
            } else {
                unresolved += 1;
            }
        }
        FallbackReason::NoneEligible {
            draining,
            drained,
            unresolved,
        }
    }
}

/// What is known of these backends, taken from before where nothing changed. Nothing if
/// they are not sorted by id.
///
/// 10,000 ids are not compared one by one: their text lies all over the memory. A backend
/// that is the very one known before is behind the last one as it was before.
fn merge(
    before: Vec<Known>,
    backends: &[ResolvedBackend],
    issuer: &ServiceIssuer,
) -> Option<Vec<Known>> {
    let mut before = before.into_iter().peekable();
    let mut known: Vec<Known> = Vec::with_capacity(backends.len());
    for new in backends {
        if let Some(same) = before.next_if(|old| old.is_same(new)) {
            known.push(same);
            continue;
        }
        let id = &new.0.id;
        if known.last().is_some_and(|last| last.backend.id >= *id) {
            return None;
        }
        while before.next_if(|old| old.backend.id < *id).is_some() {}
        let equal = before
            .next_if(|old| old.backend.id == *id)
            .filter(|old| old.is_equal(new));
        known.push(match equal {
            Some(old) => Known {
                backend: Arc::clone(&new.0),
                resolved: Arc::clone(&new.1),
                ..old
            },
            None => Known::new(new, issuer),
        });
    }
    Some(known)
}

#[cfg(test)]
mod tests;
