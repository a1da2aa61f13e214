//! What a registry said last, on disk: for a balancer that starts while the registry is
//! down, and for one whose registry is its own memory.
//!
//! The directory holds `registry.state` (a header line with length and checksum, then
//! JSON: what the registry said, and whom the balancer held although it did not say so any
//! more), `registry.seen` (until when that was known to be right), `lock`, and the last
//! few files that could not be used, as `registry.state.damaged-<time>` or, of another
//! registry, `registry.state.other-<time>`, or never read, as the disk hung at the start,
//! `registry.state.unread-<time>`. A state is written by one process, replaced
//! whole, and believed only if every byte is as it was written.
//!
//! A directory that is full, read only or missing is an error in the log and a count;
//! the registry goes on without it.

mod clock;
mod dir;
mod disk;
mod document;
mod envelope;
mod flusher;
mod keep;
mod load;
mod origin;
mod override_writer;
mod pace;
mod source;
mod stand_in;
mod status;
mod store;
mod unread;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_core::SettingsSnapshot;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

pub use self::{
    document::{Contents, SavedBackends, SavedState, decode, encode},
    envelope::Damage,
    origin::Origin,
    status::SavingStatus,
    store::StateStore,
};
use self::{
    flusher::Flusher, keep::Keeper, override_writer::SavedOverrides, source::Source,
    stand_in::StandIn,
};
use crate::{
    Activity, Freshness, Held, Judged, LastKnown, MemoryRegistry, OverrideWriter, Registrar,
    RegistrarError, Registry, RegistryState, task::Task,
};

/// How old an age may be that changes without anything else.
const PROOF: Duration = Duration::from_secs(1);

/// A registry whose last complete state is kept in a directory.
#[derive(Debug)]
pub struct SavedRegistry {
    inner: Arc<dyn Registry>,
    states: watch::Receiver<Arc<RegistryState>>,
    last_known: Option<LastKnown>,
    judged: watch::Sender<Arc<Judged>>,
    restored: usize,
    status: Arc<SavingStatus>,
    flusher: Flusher,
    _keep: Task,
    _stand_in: Option<Task>,
}

impl SavedRegistry {
    /// Follows `inner`. While it has not been read completely `grace` after now, the
    /// saved state stands in for it, as [`Freshness::Stale`]; the first complete state of
    /// its own takes over for good.
    pub fn follow(store: StateStore, inner: Arc<dyn Registry>, grace: Duration) -> Self {
        let found = store.found.as_ref();
        let known = found.and_then(SavedState::known);
        let last_known = known.as_ref().zip(found).map(|(known, found)| LastKnown {
            state: Arc::new(known.state("not read yet".into())),
            suspects: found.contents.suspects.clone(),
        });
        let stand_in = StandIn::new(known, Instant::now(), grace);
        let (out, states) = watch::channel(Arc::clone(&inner.subscribe().borrow()));
        let task = Task::spawn(stand(inner.subscribe(), stand_in, out));
        let judged = watch::Sender::default();
        let source = Source::followed(inner.subscribe(), judged.subscribe());
        Self {
            last_known,
            _stand_in: Some(task),
            ..Self::new(store, inner, states, source, judged)
        }
    }

    /// Restores `memory` from what was saved, each registration for its whole time to
    /// live, and saves it from now on.
    ///
    /// # Errors
    /// Only when the registry has ended.
    pub async fn restore(
        mut store: StateStore,
        memory: MemoryRegistry,
    ) -> Result<Self, RegistrarError> {
        let found = store.found.take();
        let mut restored = 0;
        let mut suspects = BTreeMap::new();
        if let Some(SavedState { contents, .. }) = found
            && let SavedBackends::Held(registrations) = contents.backends
        {
            suspects = contents.suspects;
            restored = put_back(&memory, registrations, &contents.settings).await?;
            let overrides = memory.restore_overrides(&contents.overrides, SystemTime::now());
            let overrides = overrides.await;
            tracing::info!(restored = overrides, "overrides restored");
        }
        let states = memory.subscribe();
        let judged = watch::Sender::default();
        let source = Source::held(&memory, states.clone(), judged.subscribe());
        // Nothing but these was known that has not been put back.
        let last_known = (!suspects.is_empty()).then(|| LastKnown {
            state: Arc::clone(&states.borrow()),
            suspects,
        });
        Ok(Self {
            restored,
            last_known,
            ..Self::new(store, Arc::new(memory), states, source, judged)
        })
    }

    fn new(
        store: StateStore,
        inner: Arc<dyn Registry>,
        states: watch::Receiver<Arc<RegistryState>>,
        source: Source,
        judged: watch::Sender<Arc<Judged>>,
    ) -> Self {
        let (flushes, received) = mpsc::channel(1);
        let status = Arc::new(SavingStatus::default());
        let keeper = Keeper {
            disk: store.disk,
            unread: store.unread,
            origin: store.origin,
            status: Arc::clone(&status),
            error: None,
        };
        Self {
            inner,
            states,
            last_known: None,
            judged,
            restored: 0,
            status,
            flusher: Flusher::new(flushes),
            _keep: Task::spawn(keeper.run(source, received)),
            _stand_in: None,
        }
    }

    /// How many registrations [`SavedRegistry::restore`] put back.
    pub fn restored(&self) -> usize {
        self.restored
    }

    /// Saves what is not saved yet, for an end of the process; gives up after 2 s.
    pub async fn flush(&self) {
        if let Err(error) = self.flusher.flush().await {
            tracing::error!(%error, "the last changes are not saved");
        }
    }
}

impl Registry for SavedRegistry {
    fn url(&self) -> &str {
        self.inner.url()
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.states.clone()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        self.inner.registrar()
    }

    fn override_writer(&self) -> Option<Arc<dyn OverrideWriter>> {
        let inner = self.inner.override_writer()?;
        Some(Arc::new(SavedOverrides::new(inner, self.flusher.clone())))
    }

    fn last_known(&self) -> Option<LastKnown> {
        self.last_known.clone()
    }

    fn judged(&self) -> Option<watch::Sender<Arc<Judged>>> {
        Some(self.judged.clone())
    }

    fn activity(&self) -> Option<&Activity> {
        self.inner.activity()
    }

    fn saving(&self) -> Option<&SavingStatus> {
        Some(&self.status)
    }
}

/// Publishes what stands.
async fn stand(
    mut registry: watch::Receiver<Arc<RegistryState>>,
    mut stand_in: StandIn,
    out: watch::Sender<Arc<RegistryState>>,
) {
    registry.mark_changed();
    let mut proof = interval(PROOF);
    proof.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let deadline = stand_in.deadline(Instant::now());
        tokio::select! {
            // What is new before what is only newer.
            biased;
            changed = registry.changed() => {
                if changed.is_err() {
                    return;
                }
                let state = Arc::clone(&registry.borrow_and_update());
                out.send_replace(stand_in.state(&state, Instant::now()));
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                let state = Arc::clone(&registry.borrow());
                let state = stand_in.state(&state, Instant::now());
                if let Freshness::Stale { error, .. } = &state.freshness {
                    tracing::warn!(%error, "the registry does not answer");
                }
                out.send_replace(state);
            }
            _ = proof.tick() => {
                // A new age, but nothing to wake anybody for.
                let state = Arc::clone(&registry.borrow());
                let state = stand_in.state(&state, Instant::now());
                out.send_if_modified(|current| {
                    *current = state;
                    false
                });
            }
        }
    }
}

async fn put_back(
    memory: &MemoryRegistry,
    registrations: Vec<Held>,
    settings: &SettingsSnapshot,
) -> Result<usize, RegistrarError> {
    for (service, set) in &settings.services {
        let set = memory.set_settings(service.clone(), set.settings.clone());
        if let Err(error @ RegistrarError::Full { .. }) = set.await {
            tracing::error!(%service, %error, "its settings are not restored");
        }
    }
    let saved = registrations.len();
    let restored = memory.restore(registrations).await?;
    tracing::info!(restored, saved, "registrations restored");
    Ok(restored)
}

#[cfg(test)]
mod tests;
