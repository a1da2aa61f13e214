use std::time::Duration;

/// How often streams are ended, where more than one is due in so long: each time, all
/// streams of their services are looked through.
const TICK: Duration = Duration::from_millis(50);

/// How many streams to end now. Pure.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    /// How many are due; the first is at once.
    due: f64,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: per_second.into(),
            due: 1.0,
        }
    }

    /// How many are due after `since` the last call.
    pub(super) fn take(&mut self, since: Duration) -> usize {
        self.due += since.as_secs_f64() * self.per_second;
        // A process that stood still does not make up for it: the rate is what protects
        // whoever the clients come back to.
        self.due = self.due.min(self.most());
        let now = self.due.floor();
        self.due -= now;
        // At most `most`, a few hundred.
        now as usize
    }

    /// What could not be used is no credit for later.
    pub(super) fn most(&self) -> f64 {
        (2.0 * TICK.as_secs_f64() * self.per_second).max(2.0)
    }

    /// How long to wait: jittered, so that several balancers that are told the same do not
    /// keep time.
    pub(super) fn wait(&self, rng: &mut fastrand::Rng) -> Duration {
        let one = Duration::from_secs_f64(1.0 / self.per_second);
        TICK.max(one).mul_f64(0.5 + rng.f64())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn over_time_it_is_the_rate_and_never_much_more_at_once(
            per_second in 1u32..=10_000,
            seed: u64,
            stalls in proptest::collection::vec(0u64..60, 0..4),
        ) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut pace = Pace::new(per_second);
            let most = pace.most() as usize;
            let (mut ended, mut running) = (pace.take(Duration::ZERO), Duration::ZERO);
            prop_assert_eq!(ended, 1);
            let end = Duration::from_secs(30);
            while running < end {
                let wait = pace.wait(&mut rng);
                running += wait;
                let now = pace.take(wait);
                prop_assert!(now <= most);
                ended += now;
            }
            let expected = running.as_secs_f64() * f64::from(per_second);
            let ratio = (ended as f64 - 1.0) / expected;
            prop_assert!((0.95..=1.05).contains(&ratio) || (ended as f64 - expected).abs() <= 2.0, "{ratio}");
            for stall in stalls {
                prop_assert!(pace.take(Duration::from_secs(stall)) <= most);
            }
        }
    }
}
