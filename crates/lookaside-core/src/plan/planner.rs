use std::{net::SocketAddr, sync::Arc};

use super::{
    Endpoint, FallbackReason, Limits, List, Plan, ResolvedBackend, ServiceInput, SlotRef,
    Truncation, endpoint::distinct, list::Parts,
};
use crate::{
    Backend, BackendState, Drops, ServiceName, TokenIssuer,
    drops::{MILLION, spread_within},
    slots::{apportion_within, interleave, length_bound},
    token::ServiceIssuer,
};

/// Plans one service again and again, and keeps what it computed per backend: tokens,
/// addresses and sizes of those that did not change.
///
/// Planning with one that planned something else before, or nothing, gives the same
/// plan, only later.
#[derive(Debug, Default)]
pub struct Planner {
    made_for: Option<(ServiceName, TokenIssuer)>,
    /// Sorted by id.
    known: Vec<Known>,
}

/// What is known of one backend.
#[derive(Debug)]
struct Known {
    backend: Arc<Backend>,
    resolved: Arc<[SocketAddr]>,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Known {
    fn is(&self, (backend, resolved): &ResolvedBackend) -> bool {
        (Arc::ptr_eq(&self.backend, backend) || self.backend == *backend)
            && (Arc::ptr_eq(&self.resolved, resolved) || self.resolved == *resolved)
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
        let mut sorted: Vec<&ResolvedBackend> = backends.iter().collect();
        let by_id = |one: &&ResolvedBackend, other: &&ResolvedBackend| one.0.id.cmp(&other.0.id);
        if !sorted.is_sorted_by(|one, other| by_id(one, other).is_lt()) {
            sorted.sort_by(by_id);
            sorted.dedup_by(|one, other| one.0.id == other.0.id);
        }
        let mut known = std::mem::take(&mut self.known).into_iter().peekable();
        self.known.reserve(sorted.len());
        for new in sorted {
            while known.peek().is_some_and(|old| old.backend.id < new.0.id) {
                known.next();
            }
            let old = known.next_if(|old| old.backend.id == new.0.id);
            self.known.push(match old {
                Some(old) if old.is(new) => old,
                _ => Known {
                    backend: Arc::clone(&new.0),
                    resolved: Arc::clone(&new.1),
                    endpoints: endpoints(new, issuer),
                },
            });
        }
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

    fn list(&self, drops: &Drops, limits: &Limits) -> Option<List> {
        let mut endpoints: Vec<Arc<Endpoint>> = Vec::with_capacity(self.known.len());
        let mut weights: Vec<u64> = Vec::with_capacity(self.known.len());
        let scale = self
            .known
            .iter()
            .map(|known| known.endpoints.len() as u64)
            .filter(|&addresses| addresses > 1)
            .fold(1, lcm);
        for known in &self.known {
            let addresses = known.endpoints.len() as u64;
            if addresses > 0 {
                let weight = u64::from(known.backend.weight) * (scale / addresses);
                weights.extend(known.endpoints.iter().map(|_| weight));
                endpoints.extend(known.endpoints.iter().cloned());
            }
        }
        if endpoints.is_empty() {
            return None;
        }
        let sum: u64 = drops
            .as_slice()
            .iter()
            .map(|drop| u64::from(drop.per_million))
            .sum();
        let beside_drops = |slots: usize| {
            (slots as u128 * u128::from(MILLION - sum) / u128::from(MILLION)) as usize
        };
        let bound = length_bound(endpoints.len(), limits.max_slots);
        let dearest = dearest(&endpoints, drops, limits);
        let fitting = (limits.max_bytes / dearest.max(1)).max(1);
        let mut truncation = None;
        let all = endpoints.len();
        let room = beside_drops(fitting).max(1);
        let _ = (SlotRef::Endpoint, all);
        if all > room {
            truncation = Some(Truncation::Subset {
                kept: room,
                of: all,
            });
            endpoints.truncate(room);
            weights.truncate(room);
        }
        let wanted = bound.min(beside_drops(2 * bound));
        let apportioned = apportion_within(&weights, wanted.min(room));
        let order = interleave(&apportioned.counts);
        let slots = spread_within(&order, drops, fitting.min(2 * bound));
        List::new(Parts {
            endpoints,
            drops: drops.clone(),
            slots,
            largest_error: apportioned.largest_error,
            truncation,
        })
    }
}

fn dearest(endpoints: &[Arc<Endpoint>], drops: &Drops, limits: &Limits) -> usize {
    let endpoints = endpoints
        .iter()
        .map(|endpoint| (limits.slot_bytes)(&SlotRef::Endpoint(endpoint)));
    let drops = drops
        .as_slice()
        .iter()
        .map(|drop| (limits.slot_bytes)(&SlotRef::Drop(drop)));
    endpoints.chain(drops).max().unwrap_or(1)
}

/// None unless the backend can take calls.
fn endpoints((backend, resolved): &ResolvedBackend, issuer: &ServiceIssuer) -> Vec<Arc<Endpoint>> {
    if backend.state != BackendState::Serving || backend.weight == 0 || resolved.is_empty() {
        return Vec::new();
    }
    let token = issuer.issue(&backend.id);
    distinct(resolved)
        .map(|addr| {
            Arc::new(Endpoint {
                backend: Arc::clone(backend),
                addr,
                token,
            })
        })
        .collect()
}

fn lcm(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}
