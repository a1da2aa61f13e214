use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use lookaside_core::{
    OverridesSnapshot, Revision, ServiceName, SettingsSnapshot, Snapshot, Suspect,
};
use tokio::{
    sync::watch::{self, error::RecvError},
    time::Instant,
};

use super::{Contents, SavedBackends, clock};
use crate::{Freshness, Judged, LastSuspect, MemoryRegistry, RegistryState, memory::Holder};

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
    judged: watch::Receiver<Arc<Judged>>,
    /// What was last reported to have changed.
    last: Option<Complete>,
}

/// This process's memory.
#[derive(Debug)]
pub(super) struct HeldHere {
    holder: Holder,
    states: watch::Receiver<Arc<RegistryState>>,
    versions: watch::Receiver<(Revision, u64)>,
    judged: watch::Receiver<Arc<Judged>>,
}

impl Source {
    pub(super) fn followed(
        mut states: watch::Receiver<Arc<RegistryState>>,
        judged: watch::Receiver<Arc<Judged>>,
    ) -> Self {
        states.mark_changed();
        Self::Followed(Followed {
            states,
            judged,
            last: None,
        })
    }

    pub(super) fn held(
        registry: &MemoryRegistry,
        states: watch::Receiver<Arc<RegistryState>>,
        judged: watch::Receiver<Arc<Judged>>,
    ) -> Self {
        let holder = registry.holder();
        let mut versions = holder.versions();
        // Even an empty one: it shows at the start whether the directory is any good.
        versions.mark_changed();
        Self::Held(HeldHere {
            holder,
            states,
            versions,
            judged,
        })
    }

    /// Waits for something new to save; `false` when there will be nothing any more.
    pub(super) async fn changed(&mut self) -> bool {
        match self {
            Self::Held(held) => either(held.versions.changed(), held.judged.changed()).await,
            Self::Followed(followed) => loop {
                if !either(followed.states.changed(), followed.judged.changed()).await {
                    return false;
                }
                let state = Arc::clone(&followed.states.borrow_and_update());
                let judged = Arc::clone(&followed.judged.borrow_and_update());
                let Some(new) = complete(&state, judged) else {
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
        let (now, judged) = match self {
            Self::Followed(it) => (Now::Followed(Arc::clone(&it.states.borrow())), &it.judged),
            Self::Held(it) => {
                let state = Arc::clone(&it.states.borrow());
                (Now::Held(it.holder.clone(), state), &it.judged)
            }
        };
        let judged = Arc::clone(&judged.borrow());
        async move {
            let suspects = last_suspects(&judged);
            match now {
                Now::Followed(state) => {
                    let Complete {
                        backends,
                        settings,
                        overrides,
                        judged: _,
                    } = complete(&state, judged)?;
                    let contents = Contents {
                        backends: SavedBackends::Followed(backends),
                        settings,
                        overrides,
                        suspects,
                    };
                    Some((contents, clock::wall(as_of(&state.freshness)?)))
                }
                Now::Held(holder, state) => {
                    let contents = Contents {
                        backends: SavedBackends::Held(holder.held().await.ok()?),
                        settings: state.settings.clone()?,
                        overrides: state.overrides.clone()?,
                        suspects,
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
    judged: Arc<Judged>,
}

impl Complete {
    /// Whether nothing has changed between the two.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.backends, &other.backends)
            && Arc::ptr_eq(&self.settings, &other.settings)
            && Arc::ptr_eq(&self.overrides, &other.overrides)
            && Arc::ptr_eq(&self.judged, &other.judged)
    }
}

/// Of the backends, those that the balancer has judged, where there is one: it is behind
/// by a moment, and a state of which backends are gone must not be kept without those that
/// are held, or a process that ends in between forgets them.
fn complete(state: &RegistryState, judged: Arc<Judged>) -> Option<Complete> {
    let read = state.backends.as_ref()?;
    Some(Complete {
        backends: Arc::clone(judged.backends.as_ref().unwrap_or(read)),
        settings: state.settings.clone()?,
        overrides: state.overrides.clone()?,
        judged,
    })
}

fn last_suspects(judged: &Judged) -> BTreeMap<ServiceName, Vec<LastSuspect>> {
    let last = |suspect: &Suspect| LastSuspect {
        backend: Arc::clone(&suspect.backend),
        addresses: suspect.addresses.to_vec(),
        since: clock::wall(Instant::from_std(suspect.since)),
        stood: suspect.stood,
    };
    let services = judged.suspects.iter();
    services
        .map(|(name, suspects)| (name.clone(), suspects.iter().map(last).collect()))
        .collect()
}

/// Waits for one of the two; whether both may come again. Nobody who judges is no end:
/// the sender is kept beside this.
async fn either(
    one: impl Future<Output = Result<(), RecvError>>,
    other: impl Future<Output = Result<(), RecvError>>,
) -> bool {
    tokio::select! {
        changed = one => changed.is_ok(),
        changed = other => changed.is_ok(),
    }
}

fn as_of(freshness: &Freshness) -> Option<Instant> {
    match freshness {
        Freshness::Connecting { .. } => None,
        Freshness::Synced { as_of } | Freshness::Stale { as_of, .. } => Some(*as_of),
    }
}
