use std::time::Duration;

use tokio::time::Instant;

/// How many probes begin in a second, however short the intervals and quick the answers:
/// each is a connection of its own. Enough for 20,000 addresses at the default interval.
pub(super) const MAX_PROBES_PER_SECOND: u32 = 4_000;

/// How far behind a start may be made up for: timers are only so exact.
const SLACK: Duration = Duration::from_millis(10);

/// When the next probe may begin (the generic cell rate algorithm).
#[derive(Debug)]
pub(super) struct Pace {
    next: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn count(&mut self, now: Instant) {
        let from = now.checked_sub(SLACK).unwrap_or(now);
        self.next = self.next.max(from) + Duration::from_secs(1) / MAX_PROBES_PER_SECOND;
    }
}
