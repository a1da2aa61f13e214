use std::sync::Arc;

/// How a backend stands with the registry, as its agent sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// Not recorded yet.
    Registering {
        /// Why the last try failed; `None` during the first.
        error: Option<Arc<str>>,
    },
    /// Recorded, as far as anybody can know until the time to live has passed.
    Registered,
    /// Recorded as draining: clients are being sent elsewhere.
    Draining,
    /// It was recorded, and could not be renewed in time. The agent keeps trying.
    Lost {
        /// Why the last try failed.
        error: Arc<str>,
    },
    /// Taken out; the agent has ended.
    Ended,
}

impl AgentState {
    /// Its name, in lower case.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Registering { .. } => "registering",
            Self::Registered => "registered",
            Self::Draining => "draining",
            Self::Lost { .. } => "lost",
            Self::Ended => "ended",
        }
    }

    /// Whether clients can be expected to know of the backend.
    pub fn is_recorded(&self) -> bool {
        matches!(self, Self::Registered | Self::Draining)
    }
}
