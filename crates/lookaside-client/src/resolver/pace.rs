use std::time::{Duration, Instant};

use lookaside_core::{Backoff, BackoffConfig};

/// All that gRPC's DNS resolvers look up, they look up no more often than this
/// (grpc-go's and C-core's default).
pub(super) const MIN_INTERVAL: Duration = Duration::from_secs(30);

/// Whatever else is asked for: a time to live may be zero.
const LEAST: Duration = Duration::from_millis(100);

/// How long an answer holds that does not say so itself: the system's resolver tells no
/// time to live.
pub(super) const UNKNOWN_TTL: Duration = Duration::from_secs(30);

/// When to look again. Pure.
///
/// Everything is looked up when its time to live is over, or earlier when somebody wishes
/// it, but within the least interval only once. What could not be found is looked up
/// alone in between, with gRPC's connection back-off.
#[derive(Debug)]
pub(super) struct Pace {
    min_interval: Duration,
    backoff: Backoff,
    rng: fastrand::Rng,
    /// The earliest time to look for everything.
    earliest: Instant,
    refresh: Instant,
    retry: Option<Instant>,
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Everything.
    All,
    /// What could not be found.
    Missing,
}

impl Pace {
    /// Everything is due now.
    pub(super) fn new(min_interval: Duration, seed: u64, now: Instant) -> Self {
        let min_interval = min_interval.max(LEAST);
        Self {
            min_interval,
            // Beyond the least interval, everything is looked for anyway.
            backoff: Backoff::new(BackoffConfig {
                max: min_interval,
                ..BackoffConfig::default()
            }),
            rng: fastrand::Rng::with_seed(seed),
            earliest: now,
            refresh: now,
            retry: None,
        }
    }

    /// What to do next, and when.
    pub(super) fn next(&self) -> (Instant, Look) {
        match self.retry {
            Some(retry) if retry < self.refresh => (retry, Look::Missing),
            _ => (self.refresh, Look::All),
        }
    }

    /// A look is over. `missing`: something could not be found; `ttl`: how long all that
    /// was found holds, if that is known.
    pub(super) fn looked(
        &mut self,
        look: Look,
        missing: bool,
        ttl: Option<Duration>,
        now: Instant,
    ) {
        if look == Look::All {
            let holds = ttl.unwrap_or(UNKNOWN_TTL).max(self.min_interval);
            self.earliest = now + self.min_interval;
            self.refresh = now + holds;
        }
        if missing {
            self.retry = Some(now + self.backoff.next(&mut self.rng));
        } else {
            self.backoff.reset();
            self.retry = None;
        }
    }

    /// Somebody has reason to think that what was found is out of date.
    pub(super) fn wish(&mut self) {
        self.refresh = self.refresh.min(self.earliest);
    }
}

#[cfg(test)]
mod tests;
