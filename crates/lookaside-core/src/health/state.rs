use std::time::Instant;

use crate::HealthCheck;

/// What the probes of one address amount to: whether it is ejected.
///
/// It begins healthy, whatever it is: nothing is known against it. So many failures in a
/// row eject it and so many successes in a row bring it back, and once it has changed it
/// stays so for a while: an address that flaps does not make every client's list flap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthState {
    ejected: bool,
    /// Not before the first change: a backend that is dead from the start need not stay.
    changed_at: Option<Instant>,
    /// Results in a row that speak against what it is.
    against: u32,
}

impl HealthState {
    /// Takes over the result of a probe; says whether that ejected it or brought it back.
    ///
    /// While the dwell lasts results count, so that one which has long been well returns
    /// with the first success after it.
    pub fn observe(&mut self, is_well: bool, now: Instant, check: &HealthCheck) -> bool {
        if is_well != self.ejected {
            self.against = 0;
            return false;
        }
        self.against = self.against.saturating_add(1);
        let enough = if self.ejected {
            check.return_after
        } else {
            check.eject_after
        };
        let dwells = self
            .changed_at
            .is_some_and(|at| now.saturating_duration_since(at) < check.dwell);
        if self.against < enough.get() || dwells {
            return false;
        }
        self.ejected = !self.ejected;
        self.changed_at = Some(now);
        self.against = 0;
        true
    }

    /// Whether it is to get no calls.
    pub fn is_ejected(&self) -> bool {
        self.ejected
    }

    /// Results in a row that speak against what it is.
    pub fn against(&self) -> u32 {
        self.against
    }
}

#[cfg(test)]
mod tests;
