use std::time::Duration;

use tokio::time::Instant;

/// Merges a burst of changes: the first one after a quiet time goes out at once, those
/// that follow wait for the burst to pause or to have lasted long enough.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debounce {
    last_change: Option<Instant>,
    /// When the first change came that has not gone out.
    waiting_since: Option<Instant>,
}

impl Debounce {
    /// When a change that comes now goes out, and with it all that wait.
    pub(super) fn change(&mut self, now: Instant, quiet: Duration, max_delay: Duration) -> Instant {
        let first = self.last_change.is_none_or(|last| now >= last + quiet);
        self.last_change = Some(now);
        if first && self.waiting_since.is_none() {
            return now;
        }
        let since = *self.waiting_since.get_or_insert(now);
        (now + quiet).min(since + max_delay)
    }

    /// What waited has gone out.
    pub(super) fn sent(&mut self) {
        self.waiting_since = None;
    }
}

#[cfg(test)]
mod tests;
