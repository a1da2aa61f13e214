use std::sync::Arc;

use lookaside_core::{OverridesSnapshot, SettingsSnapshot, Snapshot};
use tokio::time::Instant;

/// All that a registry says, as one value.
///
/// Backends, settings and overrides are each complete at a revision of their own; what did
/// not change between two states is the same `Arc` in both.
#[derive(Clone, Debug)]
pub struct RegistryState {
    /// The backends; `None` until they have been read completely once.
    pub backends: Option<Arc<Snapshot>>,
    /// The settings; `None` until they have been read completely once.
    pub settings: Option<Arc<SettingsSnapshot>>,
    /// Operators' overrides; `None` until they have been read completely once.
    pub overrides: Option<Arc<OverridesSnapshot>>,
    /// How far to trust the above.
    pub freshness: Freshness,
    /// When this process heard of what is new here, against the state before; `None` where
    /// nothing is, or nobody knows.
    pub heard_at: Option<Instant>,
}

/// How a registry's state relates to the registry.
#[derive(Clone, Debug)]
pub enum Freshness {
    /// Nothing has been read yet.
    Connecting {
        /// Since when it has been tried.
        since: Instant,
        /// Why the last try failed; `None` during the first.
        error: Option<Arc<str>>,
    },
    /// Followed live.
    Synced {
        /// The last proof that nothing is being missed.
        as_of: Instant,
    },
    /// The registry does not answer; the last good state stands.
    Stale {
        /// The last proof that nothing was being missed.
        as_of: Instant,
        /// What is wrong.
        error: Arc<str>,
    },
}

impl RegistryState {
    /// The state before anything has been read.
    pub fn connecting(since: Instant) -> Self {
        Self {
            backends: None,
            settings: None,
            overrides: None,
            freshness: Freshness::Connecting { since, error: None },
            heard_at: None,
        }
    }

    /// Whether backends, settings and overrides have all been read completely once.
    pub fn is_complete(&self) -> bool {
        self.backends.is_some() && self.settings.is_some() && self.overrides.is_some()
    }
}
