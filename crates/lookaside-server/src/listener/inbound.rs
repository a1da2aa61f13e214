use std::time::Duration;

use tokio::time::Instant;

use super::frames::Frames;

/// What is read of a connection, and how much of it there may be: whoever can make a
/// balancer read as fast as it can owns a processor. (h2 answers every PING and SETTINGS
/// frame, however many come.)
#[derive(Debug)]
pub(super) struct Inbound {
    frames: Frames,
    /// What one unit of work costs; zero: no limit.
    interval: Duration,
    /// When all of [`BURST`] may be used again.
    full_at: Instant,
}

/// How long the work takes that may come at once.
const BURST: Duration = Duration::from_secs(1);

impl Inbound {
    /// `per_second` 0: no limit.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            frames: Frames::default(),
            interval: BURST.checked_div(per_second).unwrap_or_default(),
            full_at: now,
        }
    }

    /// Whether the peer has begun to speak.
    pub(super) fn has_begun(&self) -> bool {
        self.frames.have_begun()
    }

    /// Takes note of what was read; returns when to read on, if not at once.
    pub(super) fn read(&mut self, bytes: &[u8], now: Instant) -> Option<Instant> {
        let work = self.frames.read(bytes);
        if self.interval.is_zero() {
            return None;
        }
        self.full_at = self.full_at.max(now) + self.interval * work;
        let ready = self.full_at.checked_sub(BURST)?;
        (ready > now).then_some(ready)
    }
}

#[cfg(test)]
mod tests;
