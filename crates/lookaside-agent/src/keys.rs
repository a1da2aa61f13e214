//! Where keys come from: files that balancers and backends share (`docs/tokens.md`).
//!
//! A balancer reads them with this code too.

mod error;
mod follower;
mod read;
mod source;

use std::{path::PathBuf, sync::Arc};

pub use self::{
    error::{KeyFileError, KeySourceError},
    follower::{KEY_POLL, KeyFollower},
    source::KeySource,
};
use lookaside_core::KeyRing;

/// Files with keys: the first key of the first file signs, all verify.
///
/// A file has one key a line: at least 16 random bytes in base64, as
/// `openssl rand -base64 32` prints them. Empty lines and those that begin with `#` do
/// not count.
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use lookaside_agent::KeyFiles;
///
/// let files = KeyFiles::new(["file:/etc/lookaside/token.key".parse()?]);
/// let ring = files.read()?;
/// let follower = files.follow(Some(ring), |ring| println!("from now on {ring:?}"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeyFiles(Arc<[PathBuf]>);

impl KeyFiles {
    /// The files that these sources name.
    pub fn new(sources: impl IntoIterator<Item = KeySource>) -> Self {
        Self(sources.into_iter().map(KeySource::into_path).collect())
    }

    /// Reads all of them. Warns of files that others than their owner can read or write.
    /// Blocks for as long as the file system does.
    ///
    /// # Errors
    /// Names the file that is no key file, and the line.
    pub fn read(&self) -> Result<KeyRing, KeyFileError> {
        let read = read::read(&self.0);
        for exposed in &read.exposed {
            tracing::warn!(%exposed, "a token key file is open to others than its owner");
        }
        read.ring
    }

    /// Reads them again every [`KEY_POLL`], and calls `changed` with every ring that is
    /// another one than the last, which is `current` at first. While one of the files
    /// cannot be used the last ring stands, and an error is logged.
    ///
    /// Must be called within a tokio runtime. Dropping what it returns ends it.
    #[must_use = "dropping it ends it"]
    pub fn follow(
        self,
        current: Option<KeyRing>,
        changed: impl FnMut(KeyRing) + Send + 'static,
    ) -> KeyFollower {
        KeyFollower::start(self.0, current, changed)
    }
}

#[cfg(test)]
mod tests;
