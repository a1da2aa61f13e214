use std::time::Duration;

use lookaside_core::{Backoff, BackoffConfig};

/// A person watches: soon at first, and never long after the balancer is back.
const BACKOFF: BackoffConfig = BackoffConfig {
    initial: Duration::from_millis(500),
    multiplier: 1.6,
    jitter: 0.2,
    max: Duration::from_secs(10),
};

/// When a balancer that went away is asked again.
#[derive(Debug)]
pub(super) struct Retry {
    backoff: Backoff,
    failing: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(BACKOFF),
            failing: false,
        }
    }
}

impl Retry {
    /// How long to wait after another failure.
    pub(super) fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        self.failing = true;
        self.backoff.next(rng)
    }

    /// It has answered. Says whether that is news: the last that was heard of it was a
    /// failure.
    pub(super) fn succeeded(&mut self) -> bool {
        self.backoff.reset();
        std::mem::take(&mut self.failing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_short_again_after_an_answer() {
        let mut retry = Retry::default();
        let mut rng = fastrand::Rng::with_seed(1);
        assert!(!retry.succeeded(), "nothing was lost");
        let waits: Vec<_> = (0..20).map(|_| retry.next(&mut rng)).collect();
        assert!(waits[0] <= Duration::from_millis(600), "{waits:?}");
        assert!(
            waits.iter().all(|it| *it <= Duration::from_secs(12)),
            "{waits:?}"
        );
        assert!(waits[19] >= Duration::from_secs(8), "{waits:?}");
        assert!(retry.succeeded());
        assert!(!retry.succeeded());
        assert!(retry.next(&mut rng) <= Duration::from_millis(600));
    }
}
