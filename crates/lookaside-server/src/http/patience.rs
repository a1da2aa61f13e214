use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// How long clients may take for what they are sent, and a clock for it that is cheap to
/// look at: it is moved on by whoever looks at all of them, once in a while.
#[derive(Debug)]
pub(crate) struct Patience {
    now: AtomicU32,
    tick: Duration,
    limit: Duration,
    rate: u32,
}

/// How many times within the limit clients are looked at: a deadline is met to a fifth,
/// never early.
const LOOKS: u32 = 10;

impl Patience {
    /// A client that takes nothing has until `limit`; one that takes something, that long and
    /// a second for each `rate` bytes (0: as long as it takes something).
    pub(crate) fn new(limit: Duration, rate: u32) -> Self {
        Self {
            now: AtomicU32::new(1),
            tick: (limit / LOOKS).max(Duration::from_millis(1)),
            limit,
            rate,
        }
    }

    /// How often it has to be moved on.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// The time, in ticks.
    pub(crate) fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    /// A tick has passed.
    pub(crate) fn advance(&self) {
        self.now.fetch_add(1, Relaxed);
    }

    /// Whether so many ticks without progress, or so many in all for this many bytes, are
    /// too many. A time of n ticks may have been just over n-1.
    pub(super) fn is_over(&self, still: u32, total: u32, bytes: usize) -> bool {
        if still > LOOKS {
            return true;
        }
        let allowed = match (self.rate, u32::try_from(bytes)) {
            (0, _) | (_, Err(_)) => return false,
            (rate, Ok(bytes)) => self.limit + Duration::from_secs(1) * bytes / rate,
        };
        total > 0 && self.tick * (total - 1) > allowed
    }
}

#[cfg(test)]
mod tests;
