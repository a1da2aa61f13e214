use std::{fmt, sync::Arc};

/// Whether a balancer takes streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet, or not just now, and why.
    NotReady(Arc<str>),
    /// The client port is open and lists are served.
    Ready,
    /// It is being shut down: clients are on their way to other replicas.
    Draining,
}

impl Readiness {
    /// Whether it takes streams.
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(reason) => f.write_str(reason),
            Self::Ready => f.write_str("ready"),
            Self::Draining => f.write_str("the balancer is being shut down"),
        }
    }
}
