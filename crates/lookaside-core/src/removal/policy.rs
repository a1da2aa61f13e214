use std::time::Duration;

/// When removals are so many that they are not believed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MassRemoval {
    /// More than this share of a service's backends, 0 to 1; at 1 nothing is. Default a
    /// half: a deployment replaces fewer at once, and what is left could hardly carry
    /// the load.
    pub share: f64,
    /// And at least so many: one or two backends come and go together every day.
    /// Default 3.
    pub min: usize,
    /// Within so long. Default 2 s: leases that were renewed in turns run out in turns.
    pub window: Duration,
}

impl Default for MassRemoval {
    fn default() -> Self {
        Self {
            share: 0.5,
            min: 3,
            window: Duration::from_secs(2),
        }
    }
}

impl MassRemoval {
    /// Whether `missing` of `of` backends are too many.
    pub(super) fn is_met(&self, missing: usize, of: usize) -> bool {
        missing >= self.min && missing as f64 > self.share * of as f64
    }
}
