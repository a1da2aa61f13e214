use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Suspect, probes::ProbeTicket};
use crate::{Backend, BackendState, ServiceName};

/// A backend that vanished without a word.
#[derive(Debug)]
pub(super) struct Missing {
    /// As it was.
    pub(super) backend: Arc<Backend>,
    pub(super) addresses: Arc<[SocketAddr]>,
    pub(super) since: Instant,
    /// Other services with a backend at its address when it vanished: one process that
    /// serves several. Them it may meet there.
    pub(super) shares_with: Box<[ServiceName]>,
    pub(super) stage: Stage,
    /// The probe that is under way.
    pub(super) probe: Option<ProbeTicket>,
}

/// What is known of a missing backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Believed gone; counted until the window has passed.
    Gone,
    /// In the list, not asked yet.
    Unproven,
    /// In the list, it has answered; but not so often of late.
    Suspect { silent: u32 },
}

impl Missing {
    pub(super) fn is_held(&self) -> bool {
        self.stage != Stage::Gone
    }

    /// When it is no longer held.
    pub(super) fn until(&self, hold_down: Duration) -> Instant {
        // Nobody waits for a time that the clock cannot say.
        let far = || self.since + FAR;
        self.since.checked_add(hold_down).unwrap_or_else(far)
    }

    pub(super) fn suspect(&self, hold_down: Duration) -> Suspect {
        Suspect {
            backend: Arc::clone(&self.backend),
            addresses: Arc::clone(&self.addresses),
            since: self.since,
            until: self.until(hold_down),
            answered: self.stage != Stage::Unproven,
        }
    }
}

/// A year.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Whether its going would be a loss. A backend that drains has announced it, and one of
/// weight 0 has been drained by somebody: no list has them.
pub(super) fn counts(backend: &Backend) -> bool {
    backend.state == BackendState::Serving && backend.weight > 0
}
