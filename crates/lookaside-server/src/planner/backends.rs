use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use lookaside_core::{
    Backend, BackendId, BackendOverrides, BackendState, Cordons, Host, ResolvedBackend, Service,
    ServiceOverrides, Suspect,
};
use lookaside_registry::names::Names;

use crate::table::Cordoned;

/// A service's backends as they are planned with: overrides applied, names resolved.
#[derive(Debug, Default)]
pub(super) struct Backends {
    /// Backends that an order changes, as they then are. The same `Arc` as long as
    /// neither changes: the planner takes what is the very same as known.
    overridden: BTreeMap<BackendId, Changed>,
    /// Those that cordons keep calls from, sorted by id.
    cordoned: Arc<[Cordoned]>,
    /// What the last plan was made from, sorted by id.
    last: Arc<[ResolvedBackend]>,
}

/// What operators ordered that concerns a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orders<'a> {
    pub(super) overrides: &'a ServiceOverrides,
    /// Of all services.
    pub(super) cordons: &'a Cordons,
}

#[derive(Debug)]
struct Changed {
    registered: Arc<Backend>,
    overrides: BackendOverrides,
    is_cordoned: bool,
    backend: Arc<Backend>,
}

impl Backends {
    /// The newest, as they are in the last ones where neither backend nor addresses are
    /// new: 10,000 IP addresses need no memory for each plan.
    pub(super) fn update(
        &mut self,
        service: &Service,
        suspects: &[Suspect],
        orders: Orders<'_>,
        names: &Names,
    ) -> Arc<[ResolvedBackend]> {
        self.cordon(service, suspects, orders.cordons, names);
        self.override_with(service, orders.overrides);
        let mut last = self.last.iter().peekable();
        // Sorted by id, as the backends are, and each of them is among these: ids, whose
        // text lies all over the memory, need not be compared.
        let mut overridden = self.overridden.values().peekable();
        let resolved = service.backends.iter().map(|registered| {
            let changed = overridden.next_if(|it| Arc::ptr_eq(&it.registered, registered));
            let backend = changed.map_or(registered, |changed| &changed.backend);
            let known = last
                .next_if(|(old, _)| Arc::ptr_eq(old, backend))
                .or_else(|| {
                    // Both are sorted by id.
                    while last.next_if(|(old, _)| old.id < backend.id).is_some() {}
                    last.next_if(|(old, _)| old == backend)
                });
            let known = known.map(|(_, addresses)| addresses);
            let addresses = addresses(backend, known, suspects, names);
            let partly = Cordoned::of(&backend.id, &self.cordoned).filter(|it| !it.is_whole());
            let addresses = match partly {
                Some(_) => elsewhere(&addresses, orders.cordons, known),
                None => addresses,
            };
            (Arc::clone(backend), addresses)
        });
        let resolved = resolved.collect();
        self.last = Arc::clone(&resolved);
        resolved
    }

    /// As they were updated last.
    pub(super) fn last(&self) -> &Arc<[ResolvedBackend]> {
        &self.last
    }

    /// Where a backend of the last plan can be reached.
    pub(super) fn last_addresses(&self, id: &BackendId) -> Option<&Arc<[SocketAddr]>> {
        let index = self.last.binary_search_by(|(it, _)| it.id.cmp(id));
        index.ok().map(|index| &self.last[index].1)
    }

    /// Those that cordons keep calls from, sorted by id, as of the last update.
    pub(super) fn cordoned(&self) -> Arc<[Cordoned]> {
        Arc::clone(&self.cordoned)
    }

    fn cordon(
        &mut self,
        service: &Service,
        suspects: &[Suspect],
        cordons: &Cordons,
        names: &Names,
    ) {
        if cordons.is_empty() {
            self.cordoned = Cordoned::none();
            return;
        }
        let find = |backend: &Arc<Backend>| {
            let known = self.last_addresses(&backend.id);
            let addresses = LazyCell::new(|| addresses(backend, known, suspects, names));
            Cordoned::find(backend, cordons, || Some(&**addresses))
        };
        self.cordoned = service.backends.iter().filter_map(find).collect();
    }

    fn override_with(&mut self, service: &Service, overrides: &ServiceOverrides) {
        let mut before = std::mem::take(&mut self.overridden);
        let none = BackendOverrides::default();
        let cordoned = self.cordoned.iter().filter(|it| it.is_whole());
        let ids: BTreeSet<&BackendId> = cordoned
            .map(|it| &it.id)
            .chain(overrides.backends.keys())
            .collect();
        for id in ids {
            let overrides = overrides.backends.get(id).unwrap_or(&none);
            let is_cordoned = Cordoned::of(id, &self.cordoned).is_some_and(Cordoned::is_whole);
            let sorted = &service.backends;
            let Ok(index) = sorted.binary_search_by(|it| it.id.cmp(id)) else {
                // It may register yet.
                continue;
            };
            let registered = &sorted[index];
            let same = before.remove(id).filter(|it| {
                Arc::ptr_eq(&it.registered, registered)
                    && it.is_cordoned == is_cordoned
                    && it.overrides == *overrides
            });
            let changed = same.unwrap_or_else(|| {
                let mut backend = overrides.apply(registered);
                if is_cordoned {
                    backend.state = BackendState::Draining;
                }
                Changed {
                    registered: Arc::clone(registered),
                    overrides: overrides.clone(),
                    is_cordoned,
                    backend: Arc::new(backend),
                }
            });
            self.overridden.insert(id.clone(), changed);
        }
    }
}

fn addresses(
    backend: &Backend,
    known: Option<&Arc<[SocketAddr]>>,
    suspects: &[Suspect],
    names: &Names,
) -> Arc<[SocketAddr]> {
    let host = match backend.address.host() {
        Host::Ip(_) => {
            return known.map_or_else(|| names.addresses(backend), Arc::clone);
        }
        Host::Name(host) => host,
    };
    if names.status(host).is_none() {
        // Names are followed as long as they are registered.
        let suspect = suspects.binary_search_by(|it| it.backend.id.cmp(&backend.id));
        let kept = suspect.map(|index| &suspects[index].addresses);
        return kept.ok().or(known).map(Arc::clone).unwrap_or_default();
    }
    let newest = names.addresses(backend);
    match known {
        Some(known) if *known == newest => Arc::clone(known),
        _ => newest,
    }
}

/// The addresses of a name that no cordon holds for.
fn elsewhere(
    addresses: &[SocketAddr],
    cordons: &Cordons,
    known: Option<&Arc<[SocketAddr]>>,
) -> Arc<[SocketAddr]> {
    let is_free = |it: &&SocketAddr| cordons.of_address(**it).is_none();
    let free = || addresses.iter().filter(is_free);
    match known {
        Some(known) if known.iter().eq(free()) => Arc::clone(known),
        _ => free().copied().collect(),
    }
}

#[cfg(test)]
mod tests;
