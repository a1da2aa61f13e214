//! What of the state directory is believed at the start.

use std::{sync::Arc, time::SystemTime};

use super::{
    Damage, Origin, SavedState, clock, decode,
    dir::{DirError, StateDir},
    envelope::{seal, unseal},
};

/// What was found, and what went wrong with it. Nothing of that is a reason not to start.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) state: Option<SavedState>,
    pub(super) errors: Vec<LoadError>,
}

/// Why there is no saved state, or no directory for the next one.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Dir(#[from] DirError),
    #[error("the saved state is not used: {error}; {aside}")]
    Unreadable { error: DirError, aside: Aside },
    #[error("the saved state is not used: {damage}; {aside}")]
    Damaged { damage: Damage, aside: Aside },
    #[error(
        "the saved state is not used: it is of the registry {found}, this balancer follows \
         {expected}; {aside}"
    )]
    Foreign {
        found: Box<Origin>,
        expected: Box<Origin>,
        aside: Aside,
    },
}

/// What became of a file that is not used.
#[derive(Debug)]
pub(super) struct Aside(Result<std::path::PathBuf, DirError>);

impl std::fmt::Display for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Ok(path) => write!(f, "it is kept as {}", path.display()),
            Err(error) => write!(f, "it could not be set aside: {error}"),
        }
    }
}

pub(super) fn load(dir: &mut StateDir, origin: &Origin, now: SystemTime) -> Loaded {
    let mut loaded = Loaded::default();
    if let Err(error) = dir.lock() {
        // Reading needs no lock: a file is replaced whole, and never changed.
        loaded.errors.push(error.into());
    }
    let file = match dir.read() {
        Ok(Some(file)) => file,
        Ok(None) => return loaded,
        Err(error) => {
            let aside = Aside(dir.set_aside("damaged", now));
            loaded.errors.push(LoadError::Unreadable { error, aside });
            return loaded;
        }
    };
    match decode(&file) {
        Err(damage) => {
            let aside = Aside(dir.set_aside("damaged", now));
            loaded.errors.push(LoadError::Damaged { damage, aside });
        }
        Ok(state) if !state.origin.is_same(origin) => {
            let aside = Aside(dir.set_aside("other", now));
            loaded.errors.push(LoadError::Foreign {
                found: Box::new(state.origin),
                expected: Box::new(origin.clone()),
                aside,
            });
        }
        Ok(mut state) => {
            if let Some(seen) = seen(dir, &file) {
                state.as_of = state.as_of.max(seen);
            }
            loaded.state = Some(state);
        }
    }
    loaded
}

/// The content of the file that says when `state` was last seen to be right.
pub(super) fn seen_file(mark: &Mark, at: SystemTime) -> Vec<u8> {
    seal(format!("{} {}", clock::written(at), mark.0).as_bytes())
}

/// Names the content of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark(Arc<str>);

impl Mark {
    pub(super) fn of(file: &[u8]) -> Self {
        let header = file.split(|byte| *byte == b'\n').next();
        Self(String::from_utf8_lossy(header.unwrap_or_default()).into())
    }
}

/// When the state in `file` was last seen to be right, if that is known: the file that
/// says so is written more often, without care, and may be of another state.
fn seen(dir: &StateDir, file: &[u8]) -> Option<SystemTime> {
    let seen = dir.read_seen().ok()??;
    let text = std::str::from_utf8(unseal(&seen).ok()?).ok()?;
    let (at, mark) = text.split_once(' ')?;
    (*Mark::of(file).0 == *mark)
        .then(|| clock::read(at).ok())
        .flatten()
}

#[cfg(test)]
mod tests;
