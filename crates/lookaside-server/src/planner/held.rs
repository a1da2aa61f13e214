use std::sync::Arc;

use lookaside_core::{Ejections, Health, ResolvedBackend, dialled, is_eligible};

/// What the last list of a service was made of; or would have been made of, while its
/// clients were ordered to fall back.
#[derive(Debug)]
pub(super) struct Held {
    backends: Arc<[ResolvedBackend]>,
    /// Of that time: what was ejected from the list must not come back by being held.
    ejections: Option<Arc<Ejections>>,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            backends: Arc::new([]),
            ejections: None,
        }
    }
}

impl Held {
    /// Takes these over if they make a list.
    pub(super) fn follow(
        &mut self,
        backends: &Arc<[ResolvedBackend]>,
        ejections: Option<&Arc<Ejections>>,
        panic: f64,
    ) {
        let takes_calls = |backend: &ResolvedBackend| {
            is_eligible(backend)
                && ejections.is_none_or(|ejections| {
                    let ejected = ejections.of(&backend.0.id);
                    // Where nobody is healthy any panic threshold is undercut.
                    panic > 0.0
                        || dialled(&backend.1)
                            .iter()
                            .any(|addr| !ejected.iter().any(|it| it.addr == *addr))
                })
        };
        if backends.iter().any(takes_calls) {
            self.backends = Arc::clone(backends);
            self.ejections = ejections.cloned();
        }
    }

    pub(super) fn backends(&self) -> &[ResolvedBackend] {
        &self.backends
    }

    pub(super) fn health(&self, panic: f64) -> Option<Health<'_>> {
        let ejections = self.ejections.as_deref()?;
        Some(Health { ejections, panic })
    }
}
