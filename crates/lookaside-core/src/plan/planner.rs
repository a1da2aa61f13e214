use std::{net::SocketAddr, sync::Arc};

use super::{
    Endpoint, FallbackReason, Limits, List, Panic, Plan, ResolvedBackend, ServiceInput,
    draft::Draft,
    endpoint,
    health::{self, Left},
};
use crate::{
    Backend, BackendState, Drops, Ejections, ServiceName, TokenIssuer, token::ServiceIssuer,
};

/// Plans one service again and again, and keeps what it worked out per backend.
///
/// What was planned before makes no difference to a plan, only to how soon it is there.
#[derive(Debug, Default)]
pub struct Planner {
    made_for: Option<(ServiceName, TokenIssuer)>,
    /// Sorted by id, each once.
    known: Vec<Known>,
    /// What is left of those is without these.
    ejections: Ejections,
}

/// What is known of one backend.
#[derive(Debug)]
struct Known {
    backend: Arc<Backend>,
    resolved: Arc<[SocketAddr]>,
    /// None if it is not eligible.
    endpoints: Box<[Arc<Endpoint>]>,
    /// Those of them that are not ejected, where some are.
    left: Left,
    /// The backend's, kept where it is read without a detour.
    weight: u32,
}

impl Known {
    fn new(new: &ResolvedBackend, issuer: &ServiceIssuer, ejections: &Ejections) -> Self {
        let (backend, resolved) = new;
        let endpoints = endpoint::of(backend, resolved, issuer);
        Self {
            backend: Arc::clone(backend),
            resolved: Arc::clone(resolved),
            left: health::left(&endpoints, ejections),
            endpoints,
            weight: backend.weight,
        }
    }

    fn healthy(&self) -> &[Arc<Endpoint>] {
        self.left.as_ref().map_or(&*self.endpoints, |left| left)
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
        let none = Ejections::default();
        self.eject(input.health.map_or(&none, |health| health.ejections));
        self.learn(input.backends, &issuer.for_service(input.name));
        if input.settings.fallback {
            return Plan::Fallback(FallbackReason::Settings);
        }
        let panic = input.health.and_then(|health| self.panic(health.panic));
        match self.list(&input.settings.drops, limits, panic) {
            Some(list) => Plan::List(list),
            None => Plan::Fallback(self.why_none()),
        }
    }

    /// Takes over what is ejected, for the backends of which something else is now.
    fn eject(&mut self, ejections: &Ejections) {
        let before = std::mem::replace(&mut self.ejections, ejections.clone());
        ejections.changed_since(&before, |id| {
            if let Ok(at) = self.known.binary_search_by(|it| it.backend.id.cmp(id)) {
                let known = &mut self.known[at];
                known.left = health::left(&known.endpoints, ejections);
            }
        });
    }

    fn learn(&mut self, backends: &[ResolvedBackend], issuer: &ServiceIssuer) {
        let before = std::mem::take(&mut self.known);
        let new = |new: &ResolvedBackend| Known::new(new, issuer, &self.ejections);
        self.known = merge(before, backends, new).unwrap_or_else(|| {
            let mut sorted = backends.to_vec();
            sorted.sort_by(|one, other| one.0.id.cmp(&other.0.id));
            sorted.dedup_by(|one, other| one.0.id == other.0.id);
            sorted.iter().map(new).collect()
        });
    }

    /// Whether too few addresses are healthy to go by that.
    fn panic(&self, threshold: f64) -> Option<Panic> {
        if self.ejections.is_empty() {
            return None;
        }
        let known = self.known.iter();
        let (healthy, of) = known.fold((0, 0), |(healthy, of), known| {
            (healthy + known.healthy().len(), of + known.endpoints.len())
        });
        Panic::check(healthy, of, threshold)
    }

    fn list(&self, drops: &Drops, limits: &Limits, panic: Option<Panic>) -> Option<List> {
        let known = self.known.iter();
        let mut list = if panic.is_some() || self.ejections.is_empty() {
            Draft::new(with_endpoints(known, |known| &known.endpoints)).list(drops, limits)
        } else {
            Draft::new(with_endpoints(known, Known::healthy)).list(drops, limits)
        }?;
        list.panic = panic;
        Some(list)
    }

    fn why_none(&self) -> FallbackReason {
        if self.known.is_empty() {
            return FallbackReason::NoBackends;
        }
        let (mut draining, mut drained, mut unresolved, mut ejected) = (0, 0, 0, 0);
        for known in &self.known {
            if known.backend.state == BackendState::Draining {
                draining += 1;
            } else if known.backend.weight == 0 {
                drained += 1;
            } else if known.left.is_some() {
                ejected += 1;
            } else {
                unresolved += 1;
            }
        }
        FallbackReason::NoneEligible {
            draining,
            drained,
            unresolved,
            ejected,
        }
    }
}

/// The weights and endpoints of the backends that have any of the latter.
fn with_endpoints<'a>(
    known: impl Iterator<Item = &'a Known> + Clone,
    endpoints: impl Fn(&'a Known) -> &'a [Arc<Endpoint>] + Clone,
) -> impl Iterator<Item = (u32, &'a [Arc<Endpoint>])> + Clone {
    known.filter_map(move |known| {
        let endpoints = endpoints(known);
        (!endpoints.is_empty()).then_some((known.weight, endpoints))
    })
}

/// What is known of these backends, taken from before where nothing changed. Nothing if
/// they are not sorted by id.
///
/// 10,000 ids are not compared one by one: their text lies all over the memory. A backend
/// that is the very one known before is behind the last one as it was before.
fn merge(
    before: Vec<Known>,
    backends: &[ResolvedBackend],
    make: impl Fn(&ResolvedBackend) -> Known,
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
            None => make(new),
        });
    }
    Some(known)
}

#[cfg(test)]
mod tests;
