use std::sync::Arc;

use crate::{BackendId, HostPort, Revision};

/// The weight of a backend that states none: room to go both up and down.
pub const DEFAULT_WEIGHT: u32 = 100;

/// One instance of a service, as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Unique within the service.
    pub id: BackendId,
    /// Where it listens.
    pub address: HostPort,
    /// Its share of the calls relative to the service's other backends; 0: drained.
    pub weight: u32,
    /// Where it runs, if it says.
    pub zone: Option<Arc<str>>,
    /// What it says of itself.
    pub state: BackendState,
    /// The registry key it stands under, for people.
    pub key: Arc<str>,
    /// When it was last written.
    pub revision: Revision,
}

/// What a backend announces of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendState {
    /// Takes calls.
    #[default]
    Serving,
    /// Leaving by its own word: no new calls.
    Draining,
}

impl BackendState {
    /// The word in registry values and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Draining => "draining",
        }
    }
}
