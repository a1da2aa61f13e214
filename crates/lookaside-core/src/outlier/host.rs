use std::time::{Duration, Instant};

use super::OutlierSettings;

/// One backend, as far as ejection is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutlierHost {
    /// Calls that succeeded in the interval that has just ended.
    pub successes: u64,
    /// Calls that failed in it.
    pub failures: u64,
    ejected_at: Option<Instant>,
    /// How often it was ejected, less the intervals that it has passed since.
    multiplier: u32,
}

impl OutlierHost {
    /// Whether it is out of use.
    pub fn is_ejected(&self) -> bool {
        self.ejected_at.is_some()
    }

    pub(super) fn calls(&self) -> u64 {
        self.successes.saturating_add(self.failures)
    }

    /// From 0 to 1. Only for one with calls.
    pub(super) fn success_rate(&self) -> f64 {
        self.successes as f64 / self.calls() as f64
    }

    pub(super) fn eject(&mut self, now: Instant) {
        self.ejected_at = Some(now);
        self.multiplier = self.multiplier.saturating_add(1);
    }

    /// Forgets that it ever was ejected.
    pub(super) fn absolve(&mut self) {
        self.ejected_at = None;
        self.multiplier = 0;
    }

    #[cfg(test)]
    pub(super) fn multiplier_for_tests(&self) -> u32 {
        self.multiplier
    }

    /// Lets time pass: an interval in use makes the next ejection shorter, and one that has
    /// lasted long enough ends (A50, step 5 of the timer).
    pub(super) fn pass(&mut self, settings: &OutlierSettings, now: Instant) {
        let Some(at) = self.ejected_at else {
            self.multiplier = self.multiplier.saturating_sub(1);
            return;
        };
        let lasting = ejection_time(settings, self.multiplier);
        if now.saturating_duration_since(at) > lasting {
            self.ejected_at = None;
        }
    }
}

fn ejection_time(settings: &OutlierSettings, multiplier: u32) -> Duration {
    let base = settings.base_ejection_time;
    base.saturating_mul(multiplier)
        .min(base.max(settings.max_ejection_time))
}
