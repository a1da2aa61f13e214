use std::{fmt, sync::Arc};

use tokio::sync::watch;

/// Whether a balancer takes streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet, or not just now, and why.
    NotReady(Arc<str>),
    /// The client port is open and lists are served.
    Ready,
    /// A task that it cannot do without has failed, and which: lists are served as they
    /// are until it is shut down.
    Failed(Arc<str>),
    /// It is being shut down: clients are on their way to other replicas.
    Draining,
}

impl Readiness {
    /// Whether it takes streams.
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }

    /// Says so, unless the balancer is being shut down: a port that opens just then is
    /// closed at once. Nor does anything but a shutdown end a failure.
    pub(crate) fn report(self, to: &watch::Sender<Self>) {
        to.send_if_modified(|now| {
            let is_final = match now {
                Self::Draining => true,
                Self::Failed(_) => self != Self::Draining,
                Self::NotReady(_) | Self::Ready => false,
            };
            let changed = !is_final && *now != self;
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
            Self::NotReady(reason) | Self::Failed(reason) => f.write_str(reason),
            Self::Ready => f.write_str("ready"),
            Self::Draining => f.write_str("the balancer is being shut down"),
        }
    }
}

#[cfg(test)]
mod tests;
