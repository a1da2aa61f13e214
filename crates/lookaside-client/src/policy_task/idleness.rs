use std::time::{Duration, Instant};

/// How many times within the timeout a channel is looked at.
const LOOKS: u32 = 16;

/// No more often than this, however short the timeout.
const SHORTEST: Duration = Duration::from_millis(1);

/// Decides when a channel that nobody uses goes IDLE: not before its timeout has passed
/// since the last call ended, and at most an eighth of it later. Pure.
#[derive(Debug)]
pub(super) struct Idleness {
    timeout: Duration,
    /// The last time at which it may have been in use.
    used: Instant,
    /// At the last look a call was open, which may have ended since.
    busy: bool,
    next: Option<Instant>,
}

impl Idleness {
    /// In use at `now`. [`Duration::MAX`] is never over.
    pub(super) fn new(timeout: Duration, now: Instant) -> Self {
        let mut new = Self {
            timeout,
            used: now,
            busy: false,
            next: None,
        };
        new.plan(now);
        new
    }

    fn plan(&mut self, now: Instant) {
        let period = (self.timeout / LOOKS).max(SHORTEST);
        let end = now.checked_add(self.timeout);
        self.next = end.and_then(|_| now.checked_add(period));
    }

    /// It left IDLE.
    pub(super) fn restart(&mut self, now: Instant) {
        self.used = now;
        self.busy = false;
        self.plan(now);
    }

    /// When to look again.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.next
    }

    /// Looks, if it is time to: `usage` says whether a call began since the last look, and
    /// whether one is open. True: go IDLE.
    pub(super) fn look(&mut self, now: Instant, usage: impl FnOnce() -> (bool, bool)) -> bool {
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        let (started, busy) = usage();
        let was_busy = std::mem::replace(&mut self.busy, busy);
        if started || busy || was_busy {
            self.used = now;
        }
        self.plan(now);
        now.saturating_duration_since(self.used) >= self.timeout
    }
}

#[cfg(test)]
mod tests;
