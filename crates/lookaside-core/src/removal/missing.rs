use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Hold, Suspect,
    hold_clock::{HoldClock, HoldTime},
    probes::ProbeTicket,
};
use crate::{Backend, BackendState, ServiceName};

/// A backend that vanished without a word.
#[derive(Debug)]
pub(super) struct Missing {
    /// As it was.
    pub(super) backend: Arc<Backend>,
    pub(super) addresses: Arc<[SocketAddr]>,
    pub(super) since: Instant,
    /// When its hold began, which may be later than `since`: not all time counts.
    pub(super) held_from: HoldTime,
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

    /// How much longer it is held, or would be if it were.
    pub(super) fn hold(&self, hold_down: Duration, clock: &HoldClock) -> Hold {
        let began = clock.moment(self.held_from);
        // Nobody waits for a time that the clock cannot say.
        let far = || began + FAR;
        let until = began.checked_add(hold_down).unwrap_or_else(far);
        match clock.stands_since() {
            None => Hold::Until(until),
            Some(at) => Hold::Standing {
                left: until.saturating_duration_since(at),
            },
        }
    }

    pub(super) fn suspect(&self, hold_down: Duration, clock: &HoldClock) -> Suspect {
        let began = clock.moment(self.held_from);
        Suspect {
            backend: Arc::clone(&self.backend),
            addresses: Arc::clone(&self.addresses),
            since: self.since,
            stood: began.saturating_duration_since(self.since),
            hold: self.hold(hold_down, clock),
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
