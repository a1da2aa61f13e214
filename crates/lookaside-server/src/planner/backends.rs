use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{
    Backend, BackendId, BackendOverrides, Host, ResolvedBackend, Service, ServiceOverrides,
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
            let addresses = match (known, backend.address.host()) {
                (Some((_, addresses)), Host::Ip(_)) => Arc::clone(addresses),
                (Some((_, addresses)), Host::Name(_)) => {
                    let newest = names.addresses(backend);
                    if *addresses == newest {
                        Arc::clone(addresses)
                    } else {
                        newest
                    }
                }
                (None, _) => names.addresses(backend),
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

#[cfg(test)]
mod tests;
