use std::time::SystemTime;

/// How a backend stands, and since when, as far as this balancer has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: StandingState,
    pub(crate) since: SystemTime,
}

/// What a backend's place in lists comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandingState {
    Serving,
    /// Leaving by its own word.
    Draining,
    /// Of weight 0, or by an override.
    Drained,
    /// By an override of its host or zone.
    Cordoned,
    /// Without any address.
    Unresolved,
    /// All of its addresses failed their health check.
    Ejected,
    /// Its registration vanished with most others; kept while it answers.
    Suspect,
}

impl StandingState {
    /// The word for people.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Cordoned => "cordoned",
            Self::Unresolved => "unresolved",
            Self::Ejected => "ejected",
            Self::Suspect => "suspect",
        }
    }
}
