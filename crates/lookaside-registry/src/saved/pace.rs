use std::time::Duration;

use tokio::time::Instant;

/// From the start of one write to the start of the next, at least: a hundred changes a
/// second are one file, and a crash loses at most the changes of so long.
const INTERVAL: Duration = Duration::from_secs(5);

/// A write is followed by this many times as long without one, so that a large state on a
/// slow disk costs a twentieth of it.
const REST: u32 = 20;

/// After a failure: disks are emptied and directories repaired by hand.
const RETRY: Duration = Duration::from_secs(10);

/// Decides when the state is written. Pure.
#[derive(Debug)]
pub(super) struct Pace {
    /// Whether something has changed that is not on its way to the disk.
    changed: bool,
    /// When the write that is under way began.
    writing: Option<Instant>,
    not_before: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            changed: false,
            writing: None,
            not_before: now,
        }
    }

    /// Takes note of a change.
    pub(super) fn change(&mut self) {
        self.changed = true;
    }

    /// When to write next; not while a write is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.changed && self.writing.is_none()).then_some(self.not_before)
    }

    /// Whether the disk has everything.
    pub(super) fn is_done(&self) -> bool {
        !self.changed && self.writing.is_none()
    }

    /// A write of everything up to now begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.changed = false;
        self.writing = Some(now);
    }

    /// It has ended.
    pub(super) fn end(&mut self, now: Instant, succeeded: bool) {
        let Some(began) = self.writing.take() else {
            return;
        };
        let rest = now.duration_since(began).saturating_mul(REST);
        self.not_before = (began + INTERVAL).max(now + rest.min(RETRY * REST));
        if !succeeded {
            self.changed = true;
            self.not_before = self.not_before.max(now + RETRY);
        }
    }
}

#[cfg(test)]
mod tests;
