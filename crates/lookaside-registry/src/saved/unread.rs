use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::SystemTime,
};

use super::dir::{DirError, StateDir};

/// Whether there may be a state on the disk that this process has never read: of a
/// registry in memory, it is the only copy, and must not be written over.
#[derive(Clone, Debug)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    pub(super) fn new(unread: bool) -> Self {
        Self(Arc::new(AtomicBool::new(unread)))
    }

    /// Makes way for the first write; on the thread of the directory, as the one place
    /// that comes after a reading that took too long.
    pub(super) fn set_aside(&self, dir: &mut StateDir, now: SystemTime) -> Result<(), DirError> {
        if !self.0.load(Relaxed) {
            return Ok(());
        }
        // None, if it was set aside already as damaged, say.
        if dir.has_state()? {
            let path = dir.set_aside("unread", now)?;
            tracing::warn!(path = %path.display(), "the saved state was never read: it is kept");
        }
        // Once: what is there from now on is this process's own.
        self.0.store(false, Relaxed);
        Ok(())
    }
}
