use std::{collections::BTreeMap, mem, sync::Arc};

use lookaside_core::{Service, SettingsSnapshot, Snapshot};
use tokio::time::Instant;

use super::Table;
use crate::{Freshness, RegistryState};

impl Table {
    /// The state after what was written since `last`, sharing with it all that is the
    /// same; `None` when everything is.
    pub(in crate::memory) fn publish(
        &mut self,
        last: &RegistryState,
        now: Instant,
    ) -> Option<RegistryState> {
        let backends = self.publish_backends(last.backends.as_ref());
        let settings = mem::take(&mut self.settings_written).then(|| {
            Arc::new(SettingsSnapshot {
                revision: self.revision,
                services: self.settings.clone(),
                problems: Arc::default(),
            })
        });
        let overrides = self
            .overrides
            .publish(last.overrides.as_ref(), self.revision);
        if backends.is_none() && settings.is_none() && overrides.is_none() {
            return None;
        }
        Some(RegistryState {
            backends: backends.or_else(|| last.backends.clone()),
            settings: settings.or_else(|| last.settings.clone()),
            overrides: overrides.or_else(|| last.overrides.clone()),
            freshness: Freshness::Synced { as_of: now },
            heard_at: Some(now),
        })
    }

    fn publish_backends(&mut self, last: Option<&Arc<Snapshot>>) -> Option<Arc<Snapshot>> {
        let mut changes = Vec::new();
        for name in mem::take(&mut self.written) {
            let before = last.and_then(|last| last.services.get(&name));
            let after = self.services.get(&name).map(|backends| Service {
                backends: backends
                    .values()
                    .map(|it| Arc::clone(&it.backend))
                    .collect(),
                problems: Vec::new(),
            });
            if before.map(|service| &**service) != after.as_ref() {
                changes.push((name, after));
            }
        }
        if changes.is_empty() {
            return None;
        }
        let mut services = last.map_or_else(BTreeMap::new, |last| last.services.clone());
        for (name, service) in changes {
            match service {
                Some(service) => services.insert(name, Arc::new(service)),
                None => services.remove(&name),
            };
        }
        Some(Arc::new(Snapshot {
            revision: self.revision,
            services,
            problems: Arc::default(),
        }))
    }
}
