use std::time::{Duration, Instant};

/// The time since a policy began, for what many tasks write without a lock: a number, where
/// an `Instant` is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Begins at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// The time, on the runtime's clock, which tests may pause.
    pub(crate) fn now(self) -> Duration {
        self.at(tokio::time::Instant::now().into_std())
    }

    /// The time at `instant`.
    pub(crate) fn at(self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.0)
    }
}
