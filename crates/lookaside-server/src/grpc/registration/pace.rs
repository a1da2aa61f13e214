use std::time::Duration;

use tokio::time::Instant;

/// A token bucket that lends: whoever finds it empty is told how long to wait for the
/// token it gets. (The generic cell rate algorithm: one time instead of a count.)
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two tokens; zero: no limit.
    interval: Duration,
    /// When the bucket will be full again.
    full_at: Instant,
}

/// How much the bucket holds: one second's tokens.
const BURST: Duration = Duration::from_secs(1);

impl Pace {
    /// `per_second` 0: no limit.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            interval: BURST.checked_div(per_second).unwrap_or_default(),
            full_at: now,
        }
    }

    /// Whether nobody has taken a token lately.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    /// Takes a token that is there now or within `patience`; returns when. A refusal takes
    /// nothing.
    pub(super) fn take(&mut self, now: Instant, patience: Duration) -> Option<Instant> {
        let full_at = self.full_at.max(now) + self.interval;
        // The last token of the bucket leaves it to be full one burst from now.
        let ready = full_at
            .checked_sub(BURST)
            .map_or(now, |ready| ready.max(now));
        if ready > now + patience {
            return None;
        }
        self.full_at = full_at;
        Some(ready)
    }
}
