use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_core::OverridesSnapshot;
use tokio::time::{Instant, timeout};

use super::{
    Origin, SavedBackends, SavedState, clock,
    disk::Disk,
    load::{Loaded, load},
    stand_in::Known,
    unread::Unread,
};

/// How long the directory may take to be read at the start: a disk that hangs must not
/// keep a balancer from starting.
const READ_PATIENCE: Duration = Duration::from_secs(5);

/// A state directory and what was found in it.
#[derive(Debug)]
pub struct StateStore {
    pub(super) disk: Disk,
    pub(super) origin: Origin,
    pub(super) found: Option<SavedState>,
    pub(super) unread: Unread,
}

impl StateStore {
    /// Reads the state directory of a registry. Whatever is wrong with it is logged, set
    /// aside where it can be, and no reason to stop. Must be called within a tokio
    /// runtime.
    pub async fn open(dir: PathBuf, origin: Origin) -> Self {
        let disk = Disk::spawn(dir.clone());
        let expected = origin.clone();
        let load = disk.run(move |dir| load(dir, &expected, SystemTime::now()));
        let loaded = timeout(READ_PATIENCE, load).await;
        let unread = Unread::new(loaded.is_err());
        if loaded.is_err() {
            tracing::error!(
                path = %dir.display(),
                "the state directory does not answer: starting without the saved state, \
                 which is set aside before the next one is written"
            );
        }
        let Loaded { state, errors } = loaded.ok().flatten().unwrap_or_default();
        for error in errors {
            tracing::error!(path = %dir.display(), %error, "the state directory is not as it should be");
        }
        if let Some(state) = &state {
            let now = SystemTime::now();
            match now.duration_since(state.as_of) {
                Ok(age) => tracing::info!(
                    path = %dir.display(),
                    age = ?Duration::from_secs(age.as_secs()),
                    "there is a saved state"
                ),
                Err(_) => tracing::warn!(
                    path = %dir.display(),
                    as_of = clock::written(state.as_of),
                    "the saved state is from the future: the clock was set back, and its \
                     age counts from now"
                ),
            }
        }
        Self {
            disk,
            origin,
            found: state,
            unread,
        }
    }
}

impl StateStore {
    /// The overrides that were saved: of a registry in a file, they stand nowhere else.
    pub fn overrides(&self) -> Option<&OverridesSnapshot> {
        let found = self.found.as_ref()?;
        Some(&found.contents.overrides)
    }
}

impl SavedState {
    /// What stands in for a registry elsewhere.
    pub(super) fn known(&self) -> Option<Known> {
        let SavedBackends::Followed(backends) = &self.contents.backends else {
            return None;
        };
        Some(Known {
            backends: Arc::clone(backends),
            settings: Arc::clone(&self.contents.settings),
            overrides: Arc::clone(&self.contents.overrides),
            as_of: clock::timer(self.as_of, SystemTime::now(), Instant::now()),
        })
    }
}
