use std::{fmt, sync::Arc};

use tokio::sync::watch;

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

    /// Says so, unless the balancer is being shut down: a port that opens just then is
    /// closed at once.
    pub(crate) fn report(self, to: &watch::Sender<Self>) {
        to.send_if_modified(|now| {
            let changed = *now != Self::Draining && *now != self;
            if changed {
                *now = self;
            }
            changed
        });
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

#[cfg(test)]
mod tests;
