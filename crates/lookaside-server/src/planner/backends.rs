use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use lookaside_core::{
    Backend, BackendId, BackendOverrides, Host, ResolvedBackend, Service, ServiceOverrides, Suspect,
};
use lookaside_registry::names::Names;

/// A service's backends as they are planned with: overrides applied, names resolved.
#[derive(Debug, Default)]
pub(super) struct Backends {
    /// Backends that an override changes, as they then are. The same `Arc` as long as
    /// neither changes: the planner takes what is the very same as known.
    overridden: BTreeMap<BackendId, Changed>,
    /// What the last plan was made from, sorted by id.
    last: Arc<[ResolvedBackend]>,
}

#[derive(Debug)]
struct Changed {
    registered: Arc<Backend>,
    overrides: BackendOverrides,
    backend: Arc<Backend>,
}

impl Backends {
    /// The newest, as they are in the last ones where neither backend nor addresses are
    /// new: 10,000 IP addresses need no memory for each plan.
    pub(super) fn update(
        &mut self,
        service: &Service,
        suspects: &[Suspect],
        overrides: &ServiceOverrides,
        names: &Names,
    ) -> Arc<[ResolvedBackend]> {
        self.override_with(service, overrides);
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

    fn override_with(&mut self, service: &Service, overrides: &ServiceOverrides) {
        let mut before = std::mem::take(&mut self.overridden);
        for (id, overrides) in &overrides.backends {
            let sorted = &service.backends;
            let Ok(index) = sorted.binary_search_by(|it| it.id.cmp(id)) else {
                // It may register yet.
                continue;
            };
            let registered = &sorted[index];
            let same = before
                .remove(id)
                .filter(|it| Arc::ptr_eq(&it.registered, registered) && it.overrides == *overrides);
            let changed = same.unwrap_or_else(|| Changed {
                registered: Arc::clone(registered),
                overrides: overrides.clone(),
                backend: Arc::new(overrides.apply(registered)),
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

#[cfg(test)]
mod tests;
