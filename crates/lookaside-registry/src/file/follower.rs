use std::{path::Path, sync::Arc};

use tokio::time::Instant;

use super::{FileError, document::Document, good::Good};
use crate::{Freshness, RegistryState};

/// Decides what each reading of the file means. Pure.
#[derive(Debug)]
pub(super) struct Follower {
    seen: Seen,
    /// The last good state, and when the file last said so.
    good: Option<(Good, Instant)>,
    /// Why the file as it is now is not in force.
    error: Option<Arc<str>>,
    since: Instant,
}

/// What was in the file when it was last read.
#[derive(Debug)]
enum Seen {
    Nothing,
    /// Something new, perhaps not yet all of it.
    New(Vec<u8>),
    /// Something known to be right or wrong.
    Judged(Vec<u8>),
}

/// What follows from a reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Observed {
    /// The file has just changed: read again soon, to see whether that was all.
    Settling,
    /// The same still holds.
    Same,
    /// [`Follower::state`] says something new.
    Changed,
}

impl Follower {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            seen: Seen::Nothing,
            good: None,
            error: None,
            since,
        }
    }

    /// Takes note of a reading.
    pub(super) fn observe(
        &mut self,
        path: &Path,
        read: Result<Vec<u8>, FileError>,
        now: Instant,
    ) -> Observed {
        let content = match read {
            Ok(content) => content,
            Err(error) => {
                self.seen = Seen::Nothing;
                return self.refuse(&error, path);
            }
        };
        match &self.seen {
            Seen::Judged(seen) if *seen == content => {
                if let (Some((_, as_of)), None) = (&mut self.good, &self.error) {
                    *as_of = now;
                }
                Observed::Same
            }
            Seen::New(seen) if *seen == content => {
                let document = Document::parse(&content);
                self.seen = Seen::Judged(content);
                match document {
                    Ok(document) => self.accept(document, now),
                    Err(error) => self.refuse(&error, path),
                }
            }
            _ => {
                self.seen = Seen::New(content);
                Observed::Settling
            }
        }
    }

    /// The state after the readings so far.
    pub(super) fn state(&self) -> RegistryState {
        let error = self.error.clone();
        let (good, as_of) = match &self.good {
            Some((good, as_of)) => (Some(good), *as_of),
            None => (None, self.since),
        };
        RegistryState {
            backends: good.map(|good| Arc::clone(&good.backends)),
            settings: good.map(|good| Arc::clone(&good.settings)),
            overrides: good.map(|_| Arc::default()),
            freshness: match (good, error) {
                (None, error) => Freshness::Connecting {
                    since: self.since,
                    error,
                },
                (Some(_), None) => Freshness::Synced { as_of },
                (Some(_), Some(error)) => Freshness::Stale { as_of, error },
            },
            heard_at: None,
        }
    }

    /// Why the file is not in force, if it is not.
    pub(super) fn error(&self) -> Option<&Arc<str>> {
        self.error.as_ref()
    }

    fn accept(&mut self, document: Document, now: Instant) -> Observed {
        let last = self.good.take().map(|(good, _)| good);
        let next = last.clone().unwrap_or_default().next(document);
        let same = last.is_some_and(|last| last.is(&next)) && self.error.is_none();
        self.good = Some((next, now));
        self.error = None;
        if same {
            Observed::Same
        } else {
            Observed::Changed
        }
    }

    fn refuse(&mut self, error: &FileError, path: &Path) -> Observed {
        let error: Arc<str> = error.in_file(path).into();
        if self.error.as_ref() == Some(&error) {
            return Observed::Same;
        }
        self.error = Some(error);
        Observed::Changed
    }
}

#[cfg(test)]
mod tests;
