use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use lookaside_core::{Override, OverrideNote, OverrideTarget, Revision, ServiceName};

/// The shortest and the longest time after which an override may end by itself.
pub(crate) const SHORTEST_TTL: Duration = Duration::from_secs(1);
pub(crate) const LONGEST_TTL: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Writes operators' overrides.
#[async_trait]
pub trait OverrideWriter: fmt::Debug + Send + Sync + 'static {
    /// Puts an override in the place of what stands there, and returns its revision. With
    /// a time to live it ends by itself. Key and revision of the note are not looked at.
    ///
    /// `expected` is the revision of what it replaces, 0 for nothing; `None`: whatever.
    ///
    /// # Errors
    /// [`OverrideError::Conflict`] when something else stands there than was expected.
    async fn put(
        &self,
        service: &ServiceName,
        order: &Override,
        note: &OverrideNote,
        ttl: Option<Duration>,
        expected: Option<Revision>,
    ) -> Result<Revision, OverrideError>;

    /// Ends an override; says whether there was one. `expected` as for
    /// [`OverrideWriter::put`]; what is gone already is no conflict.
    ///
    /// # Errors
    /// [`OverrideError::Conflict`] when something else stands there than was expected.
    async fn delete(
        &self,
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
    ) -> Result<bool, OverrideError>;

    /// Waits until all that was written before outlives this process. By default it
    /// does: what a registry elsewhere has acknowledged stands there.
    ///
    /// # Errors
    /// Says why it may not; it is in force all the same.
    async fn saved(&self) -> Result<(), Unsaved> {
        Ok(())
    }
}

/// Why what was written may not outlive this process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsaved {
    /// There is nowhere to save it.
    #[error(
        "overrides are in this balancer's memory alone, and a restart forgets them: \
         `[state] dir` keeps them"
    )]
    MemoryOnly,
    /// The state directory does not take it. It is tried again.
    #[error("not saved yet, so that a restart now would undo it: {0}")]
    NotYet(Arc<str>),
}

/// Why an override was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// Somebody else was faster.
    #[error(
        "the override {target} of service {service} has changed: \
         expected revision {expected}, found {found} (0: none)"
    )]
    Conflict {
        /// The service.
        service: ServiceName,
        /// Which override.
        target: OverrideTarget,
        /// What was to be replaced.
        expected: Revision,
        /// What is there.
        found: Revision,
    },
    /// By or reason, or the time to live.
    #[error("{0}")]
    Invalid(String),
    /// The registry takes no more.
    #[error("overrides: the limit of {0} is reached")]
    Full(usize),
    /// The registry lets nobody write it whom it knows this process as.
    #[error("the registry denies its user the right to write it: {0}")]
    Denied(String),
    /// The registry cannot be written just now.
    #[error("the registry cannot be written: {0}")]
    Unavailable(String),
}

impl OverrideError {
    /// Checks what anybody may get wrong who writes an override.
    ///
    /// # Errors
    /// [`OverrideError::Invalid`] names it.
    pub fn check(note: &OverrideNote, ttl: Option<Duration>) -> Result<(), Self> {
        for (name, text) in [("by", &note.by), ("reason", &note.reason)] {
            if let Some(text) = text {
                super::value::check_note(text)
                    .map_err(|error| Self::Invalid(format!("{name}: {error}")))?;
            }
        }
        match ttl {
            Some(ttl) if !(SHORTEST_TTL..=LONGEST_TTL).contains(&ttl) => {
                Err(Self::Invalid(format!(
                    "{} is no time to live from 1s to 366days",
                    humantime::format_duration(ttl)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Checks what was expected against what is there.
    ///
    /// # Errors
    /// [`OverrideError::Conflict`].
    pub fn compare(
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
        found: Revision,
    ) -> Result<(), Self> {
        match expected {
            Some(expected) if expected != found => Err(Self::Conflict {
                service: service.clone(),
                target: target.clone(),
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }
}
