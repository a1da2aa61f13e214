use std::{sync::Arc, time::SystemTime};

use lookaside_core::{OverridesSnapshot, Revision, SettingsSnapshot, Snapshot};
use tokio::{sync::watch, time::Instant};

use super::{Contents, SavedBackends, clock};
use crate::{Freshness, MemoryRegistry, RegistryState, memory::Holder};

/// Where the state comes from that is to be saved.
#[derive(Debug)]
pub(super) enum Source {
    Followed(Followed),
    Held(HeldHere),
}

/// A registry elsewhere.
#[derive(Debug)]
pub(super) struct Followed {
    states: watch::Receiver<Arc<RegistryState>>,
    /// What was last reported to have changed.
    last: Option<Complete>,
}

/// This process's memory.
#[derive(Debug)]
pub(super) struct HeldHere {
    holder: Holder,
    states: watch::Receiver<Arc<RegistryState>>,
    versions: watch::Receiver<(Revision, u64)>,
}

impl Source {
    pub(super) fn followed(mut states: watch::Receiver<Arc<RegistryState>>) -> Self {
        states.mark_changed();
        Self::Followed(Followed { states, last: None })
    }

    pub(super) fn held(
        registry: &MemoryRegistry,
        states: watch::Receiver<Arc<RegistryState>>,
    ) -> Self {
        let holder = registry.holder();
        let mut versions = holder.versions();
        // Even an empty one: it shows at the start whether the directory is any good.
        versions.mark_changed();
        Self::Held(HeldHere {
            holder,
            states,
            versions,
        })
    }

    /// Waits for something new to save; `false` when there will be nothing any more.
    pub(super) async fn changed(&mut self) -> bool {
        match self {
            Self::Held(held) => held.versions.changed().await.is_ok(),
            Self::Followed(followed) => loop {
                if followed.states.changed().await.is_err() {
                    return false;
                }
                let state = Arc::clone(&followed.states.borrow_and_update());
                let Some(new) = complete(&state) else {
                    continue;
                };
                // Most states say only that nothing has changed.
                if !followed.last.as_ref().is_some_and(|last| last.is(&new)) {
                    followed.last = Some(new);
                    return true;
                }
            },
        }
    }

    /// What there is to save now, and since when it is known.
    pub(super) fn contents(
        &self,
    ) -> impl Future<Output = Option<(Contents, SystemTime)>> + Send + use<> {
        enum Now {
            Followed(Arc<RegistryState>),
            Held(Holder, Arc<RegistryState>),
        }
        let now = match self {
            Self::Followed(it) => Now::Followed(Arc::clone(&it.states.borrow())),
            Self::Held(it) => Now::Held(it.holder.clone(), Arc::clone(&it.states.borrow())),
        };
        async move {
            match now {
                Now::Followed(state) => {
                    let Complete {
                        backends,
                        settings,
                        overrides,
                    } = complete(&state)?;
                    let contents = Contents {
                        backends: SavedBackends::Followed(backends),
                        settings,
                        overrides,
                    };
                    Some((contents, clock::wall(as_of(&state.freshness)?)))
                }
                Now::Held(holder, state) => {
                    let contents = Contents {
                        backends: SavedBackends::Held(holder.held().await.ok()?),
                        settings: state.settings.clone()?,
                        overrides: state.overrides.clone()?,
                    };
                    Some((contents, SystemTime::now()))
                }
            }
        }
    }

    /// When what was last reported to have changed was last known to be right, if that
    /// moves at all.
    pub(super) fn seen(&self) -> Option<Instant> {
        match self {
            Self::Followed(followed) => as_of(&followed.states.borrow().freshness),
            Self::Held(_) => None,
        }
    }
}

/// All parts of a state.
#[derive(Debug)]
struct Complete {
    backends: Arc<Snapshot>,
    settings: Arc<SettingsSnapshot>,
    overrides: Arc<OverridesSnapshot>,
}

impl Complete {
    /// Whether nothing has changed between the two.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.backends, &other.backends)
            && Arc::ptr_eq(&self.settings, &other.settings)
            && Arc::ptr_eq(&self.overrides, &other.overrides)
    }
}

fn complete(state: &RegistryState) -> Option<Complete> {
    Some(Complete {
        backends: state.backends.clone()?,
        settings: state.settings.clone()?,
        overrides: state.overrides.clone()?,
    })
}

fn as_of(freshness: &Freshness) -> Option<Instant> {
    match freshness {
        Freshness::Connecting { .. } => None,
        Freshness::Synced { as_of } | Freshness::Stale { as_of, .. } => Some(*as_of),
    }
}
