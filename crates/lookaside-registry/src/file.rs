//! A registry in a file, for where backends are few or somebody else's tool writes them:
//!
//! ```toml
//! [[services]]
//! name = "orders"
//! drops = [{ category = "overload", per_million = 250000 }]   # optional
//! fallback = false                                            # optional
//!
//! [[services.backends]]
//! address = "10.0.0.1:50051"
//! id = "a"              # optional: the address
//! weight = 3            # optional: 100
//! zone = "z1"           # optional
//! state = "serving"     # optional; or "draining"
//! ```

mod document;
mod error;
mod follower;
mod good;
mod override_writer;
mod read;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_core::OverridesSnapshot;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

pub use self::{error::FileError, read::MAX_FILE_BYTES};
use self::{
    follower::{Follower, Observed},
    override_writer::FileOverrides,
};
use crate::{
    MemoryLimits, OverrideWriter, Registrar, Registry, RegistryState,
    memory::{MemoryOverrides, Owner},
    task::Task,
};

/// How often the file is read by default.
///
/// Reading beats being told: notifications miss what happens behind a symbolic link (a
/// Kubernetes ConfigMap is one), and modification times are too coarse to tell two
/// edits apart. The page cache makes it cheap.
pub const DEFAULT_POLL: Duration = Duration::from_secs(1);

/// A change is believed when the file is still the same this much later: an editor that
/// writes in place leaves half a file for a moment, which may well be valid TOML.
const SETTLE: Duration = Duration::from_millis(100);

/// Backends and settings in a TOML file, read again when it changes. Read only.
///
/// An edit is taken whole or not at all: while the file is missing, unreadable or
/// wrong, the last good state stands and [`crate::Freshness`] says what is the matter.
/// A file without the key `services` is wrong, so that an emptied one empties no
/// list; `services = []` is believed.
///
/// Operators' overrides are kept in this process's memory; whoever wants them to outlive it saves them ([`crate::saved`]).
#[derive(Debug)]
pub struct FileRegistry {
    url: String,
    state: watch::Receiver<Arc<RegistryState>>,
    /// Has the overrides: nothing is written into the file.
    memory: Owner,
    _task: Task,
}

impl FileRegistry {
    /// Follows the file, which need not exist yet, reading it every `poll`. Must be
    /// called within a tokio runtime.
    pub fn new(path: impl Into<PathBuf>, poll: Duration) -> Self {
        let path = path.into();
        let since = Instant::now();
        let (publisher, state) = watch::channel(Arc::new(RegistryState::connecting(since)));
        let memory = Owner::spawn(MemoryLimits::default());
        let follower = Follower::new(since);
        let overrides = memory.subscribe();
        Self {
            url: format!("file:{}", path.display()),
            state,
            memory,
            _task: Task::spawn(follow(path, poll, follower, overrides, publisher)),
        }
    }
}

impl FileRegistry {
    /// Puts back overrides that were saved another time, but for those that have ended
    /// by `now`. Says how many were put back; the log says which could not be.
    pub async fn restore_overrides(&self, saved: &OverridesSnapshot, now: SystemTime) -> usize {
        let writer = MemoryOverrides::new(self.memory.access().clone());
        writer.restore(saved, now).await
    }
}

impl Registry for FileRegistry {
    fn url(&self) -> &str {
        &self.url
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.state.clone()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        None
    }

    fn override_writer(&self) -> Option<Arc<dyn OverrideWriter>> {
        Some(Arc::new(FileOverrides::new(
            MemoryOverrides::new(self.memory.access().clone()),
            self.memory.subscribe(),
            self.state.clone(),
        )))
    }
}

async fn follow(
    path: PathBuf,
    poll: Duration,
    mut follower: Follower,
    mut memory: watch::Receiver<Arc<RegistryState>>,
    publisher: watch::Sender<Arc<RegistryState>>,
) {
    let path: Arc<Path> = path.into();
    loop {
        let content = {
            let path = Arc::clone(&path);
            tokio::task::spawn_blocking(move || read::read(&path)).await
        };
        // A blocking task is cancelled only by the end of the runtime.
        let Ok(content) = content else { return };
        let broken = follower.error().is_some();
        let observed = follower.observe(&path, content, Instant::now());
        if observed == Observed::Changed {
            match follower.error() {
                Some(error) => tracing::warn!(%error, "the registry file is not in force"),
                None if broken => {
                    tracing::info!(path = %path.display(), "the registry file is in force again")
                }
                None => {}
            }
        }
        // The proof that the file still says the same is new each time, but wakes nobody.
        let publish = |memory: &watch::Receiver<Arc<RegistryState>>, changed: bool| {
            let mut state = follower.state();
            // Whatever is the matter with the file: they are not in it.
            state.overrides = memory.borrow().overrides.clone();
            publisher.send_if_modified(|current| {
                *current = Arc::new(state);
                changed
            });
        };
        publish(&memory, observed == Observed::Changed);
        let next = Instant::now()
            + match observed {
                Observed::Settling => SETTLE.min(poll),
                _ => poll,
            };
        loop {
            tokio::select! {
                () = sleep_until(next) => break,
                // The registry that owns it has ended, and this task with it.
                changed = memory.changed() => match changed {
                    Ok(()) => publish(&memory, true),
                    Err(_) => return,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;
