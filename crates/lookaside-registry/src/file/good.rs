use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{Backend, Revision, Service, ServiceSettings, SettingsSnapshot, Snapshot};

use super::document::Document;

/// What the file said when it was last right.
#[derive(Clone, Debug, Default)]
pub(super) struct Good {
    pub(super) backends: Arc<Snapshot>,
    pub(super) settings: Arc<SettingsSnapshot>,
}

impl Good {
    /// What holds once the file says `document`. A file has no revision of its own:
    /// each document that says anything new is one. What is not new is shared.
    pub(super) fn next(&self, document: Document) -> Self {
        let revision = 1 + self.backends.revision.max(self.settings.revision);
        let mut services = BTreeMap::new();
        let mut settings = BTreeMap::new();
        for (name, listed) in document.services {
            let last = self.settings.services.get(&name);
            if let Some(set) = listed.settings {
                let set = ServiceSettings {
                    settings: set,
                    problem: None,
                };
                settings.insert(name.clone(), share(last, set));
            }
            let last = self.backends.services.get(&name);
            let service = share(last, service(last, listed.backends, revision));
            services.insert(name, service);
        }
        let mut next = self.clone();
        if services != self.backends.services || self.backends.revision == 0 {
            next.backends = Arc::new(Snapshot {
                revision,
                services,
                problems: Arc::default(),
            });
        }
        if settings != self.settings.services || self.settings.revision == 0 {
            next.settings = Arc::new(SettingsSnapshot {
                revision,
                services: settings,
                problems: Arc::default(),
            });
        }
        next
    }

    /// Whether nothing has changed between the two.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.backends, &other.backends) && Arc::ptr_eq(&self.settings, &other.settings)
    }
}

fn service(last: Option<&Arc<Service>>, backends: Vec<Backend>, revision: Revision) -> Service {
    let backends = backends.into_iter().map(|mut backend| {
        let last = last.and_then(|last| {
            let found = last.backends.binary_search_by(|it| it.id.cmp(&backend.id));
            last.backends.get(found.ok()?)
        });
        backend.revision = last.map_or(revision, |last| last.revision);
        if last.is_some_and(|last| **last != backend) {
            backend.revision = revision;
        }
        share(last, backend)
    });
    Service {
        backends: backends.collect(),
        problems: Vec::new(),
    }
}

fn share<T: Eq>(last: Option<&Arc<T>>, next: T) -> Arc<T> {
    match last {
        Some(last) if **last == next => Arc::clone(last),
        _ => Arc::new(next),
    }
}
