//! The state directory: blocking, so on a thread of its own.

mod error;
mod lock;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

pub(super) use self::error::DirError;
use self::lock::Lock;
use super::clock;

/// The state, and what it is written to before it takes that name.
const STATE: &str = "registry.state";
const NEW: &str = "registry.state.new";

/// When the state was last known to be as it is there.
const SEEN: &str = "registry.seen";

/// Larger ones are neither written nor read: a hundred times that of 10,000 backends.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// How many files that were set aside are kept, for whoever looks into it. More would
/// fill the disk of a balancer that fails again and again.
const KEPT: usize = 3;

/// Handles are secrets, and where backends are is nobody else's business.
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// One state directory; at most one process writes into it.
#[derive(Debug)]
pub(super) struct StateDir {
    path: PathBuf,
    lock: Option<Lock>,
}

impl StateDir {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, lock: None }
    }

    /// Makes the directory where it is missing and takes the lock, if this has not been
    /// done: it is tried again before every write.
    pub(super) fn lock(&mut self) -> Result<(), DirError> {
        if self.lock.is_none() {
            DirBuilder::new()
                .recursive(true)
                .mode(DIR_MODE)
                .create(&self.path)
                .map_err(|source| DirError::new("make", &self.path, source))?;
            self.lock = Some(Lock::take(&self.path)?);
        }
        Ok(())
    }

    /// The content of the state's file, if there is one.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, DirError> {
        read(&self.path.join(STATE), MAX_BYTES)
    }

    /// Whether there is a state's file, readable or not.
    pub(super) fn has_state(&self) -> Result<bool, DirError> {
        let path = self.path.join(STATE);
        path.try_exists()
            .map_err(|source| DirError::new("look for", &path, source))
    }

    /// The content of the file that says when the state was last seen.
    pub(super) fn read_seen(&self) -> Result<Option<Vec<u8>>, DirError> {
        /// Of a line.
        const MAX: u64 = 1024;
        read(&self.path.join(SEEN), MAX)
    }

    /// Replaces the state's file: at any moment, whatever happens, there is the old one
    /// or the new one, and the new one whole.
    pub(super) fn write(&mut self, content: &[u8]) -> Result<(), DirError> {
        self.lock()?;
        self.replace(STATE, content, Sync::ToDisk)
    }

    /// Replaces the file that says when the state was last seen. Nothing depends on it
    /// that were worth waiting for a disk.
    pub(super) fn write_seen(&mut self, content: &[u8]) -> Result<(), DirError> {
        self.lock()?;
        self.replace(SEEN, content, Sync::Never)
    }

    /// Gives the state's file another name, `registry.state.<what>-<time>`; says which.
    pub(super) fn set_aside(&mut self, what: &str, now: SystemTime) -> Result<PathBuf, DirError> {
        self.lock()?;
        let (from, prefix) = (self.path.join(STATE), format!("{STATE}.{what}-"));
        let to = self.path.join(format!("{prefix}{}", clock::written(now)));
        fs::rename(&from, &to).map_err(|source| DirError::new("rename", &from, source))?;
        self.forget_older(&prefix);
        Ok(to)
    }

    /// Leaves the newest [`KEPT`] of the files that were set aside. Failing that harms
    /// nobody, and the next one comes past here again.
    fn forget_older(&self, prefix: &str) {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return;
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<_> = names
            .filter(|name| name.to_str().is_some_and(|name| name.starts_with(prefix)))
            .collect();
        // Times of this form sort as they pass.
        names.sort();
        names.truncate(names.len().saturating_sub(KEPT));
        for name in names {
            let _ = fs::remove_file(self.path.join(name));
        }
    }

    fn replace(&self, name: &str, content: &[u8], sync: Sync) -> Result<(), DirError> {
        if content.len() as u64 > MAX_BYTES {
            return Err(DirError::TooLarge {
                path: self.path.join(name),
                bytes: content.len() as u64,
            });
        }
        let (new, to) = (self.path.join(NEW), self.path.join(name));
        let written = write_new(&new, content, &sync);
        if let Err(source) = written {
            // What there is of it takes space on a disk that may be full.
            let _ = fs::remove_file(&new);
            return Err(DirError::new("write", &new, source));
        }
        fs::rename(&new, &to).map_err(|source| DirError::new("replace", &to, source))?;
        if let Sync::ToDisk = sync {
            // The name, too, is on the disk only after this.
            File::open(&self.path)
                .and_then(|dir| dir.sync_all())
                .map_err(|source| DirError::new("sync", &self.path, source))?;
        }
        Ok(())
    }
}

/// Whether to wait until a power cut can do no harm.
enum Sync {
    ToDisk,
    Never,
}

fn write_new(path: &Path, content: &[u8], sync: &Sync) -> io::Result<()> {
    // Left behind by a process that was killed, with whatever rights it had.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(content)?;
    match sync {
        Sync::ToDisk => file.sync_all(),
        Sync::Never => Ok(()),
    }
}

fn read(path: &Path, max: u64) -> Result<Option<Vec<u8>>, DirError> {
    let failed = |source| DirError::new("read", path, source);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut content = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > max {
        return Err(DirError::TooLarge {
            path: path.to_owned(),
            bytes: content.len() as u64,
        });
    }
    Ok(Some(content))
}

#[cfg(test)]
mod tests;
