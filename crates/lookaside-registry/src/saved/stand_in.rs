use std::{sync::Arc, time::Duration};

use lookaside_core::{OverridesSnapshot, SettingsSnapshot, Snapshot};
use tokio::time::Instant;

use crate::{Freshness, RegistryState};

/// What the registry said before this process began.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) backends: Arc<Snapshot>,
    pub(super) settings: Arc<SettingsSnapshot>,
    pub(super) overrides: Arc<OverridesSnapshot>,
    /// When it was last known to say that.
    pub(super) as_of: Instant,
}

impl Known {
    pub(super) fn state(&self, error: Arc<str>) -> RegistryState {
        self.complete(None, error)
    }

    /// What `registry` has read, and in place of each part that it has not, the saved one.
    fn complete(&self, registry: Option<&RegistryState>, error: Arc<str>) -> RegistryState {
        fn or<T>(read: Option<&Arc<T>>, saved: &Arc<T>) -> Option<Arc<T>> {
            Some(Arc::clone(read.unwrap_or(saved)))
        }
        RegistryState {
            backends: or(registry.and_then(|it| it.backends.as_ref()), &self.backends),
            settings: or(registry.and_then(|it| it.settings.as_ref()), &self.settings),
            overrides: or(
                registry.and_then(|it| it.overrides.as_ref()),
                &self.overrides,
            ),
            freshness: Freshness::Stale {
                as_of: self.as_of,
                error,
            },
            heard_at: registry.and_then(|it| it.heard_at),
        }
    }
}

/// Decides which state stands: the registry's own, or the saved one for each part of it
/// that has not been read. Pure.
#[derive(Debug)]
pub(super) struct StandIn {
    /// `None` when it is needed no more.
    known: Option<Known>,
    /// When the registry has had its time to answer.
    from: Instant,
}

impl StandIn {
    pub(super) fn new(known: Option<Known>, now: Instant, grace: Duration) -> Self {
        Self {
            known,
            from: now + grace,
        }
    }

    /// When [`StandIn::state`] says something else, though the registry does not.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        (self.known.is_some() && now < self.from).then_some(self.from)
    }

    /// What stands, given what the registry says. Once that is complete, it is what
    /// stands for ever: a registry that goes away keeps its last state by itself.
    pub(super) fn state(
        &mut self,
        registry: &Arc<RegistryState>,
        now: Instant,
    ) -> Arc<RegistryState> {
        if registry.is_complete() {
            self.known = None;
        }
        match &self.known {
            Some(known) if now >= self.from => {
                Arc::new(known.complete(Some(registry), reason(&registry.freshness)))
            }
            _ => Arc::clone(registry),
        }
    }
}

fn reason(freshness: &Freshness) -> Arc<str> {
    match freshness {
        Freshness::Connecting {
            error: Some(error), ..
        }
        | Freshness::Stale { error, .. } => {
            format!("serving the state of the state directory: {error}").into()
        }
        Freshness::Connecting { error: None, .. } | Freshness::Synced { .. } => {
            "serving the state of the state directory: the registry has not been read completely yet".into()
        }
    }
}

#[cfg(test)]
mod tests;
