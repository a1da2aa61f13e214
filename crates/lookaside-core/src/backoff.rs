use std::time::Duration;

/// How long to wait between attempts: exponential with jitter, as gRPC's
/// connection-backoff defines it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffConfig {
    /// The first wait, before jitter. Default 1 s.
    pub initial: Duration,
    /// By how much each wait is longer than the one before. Default 1.6.
    pub multiplier: f64,
    /// The share by which a wait is shorter or longer at random. Default 0.2.
    pub jitter: f64,
    /// The longest wait, before jitter. Default 120 s.
    pub max: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            multiplier: 1.6,
            jitter: 0.2,
            max: Duration::from_secs(120),
        }
    }
}

/// The waits of one thing that is tried again and again.
#[derive(Clone, Debug)]
pub struct Backoff {
    config: BackoffConfig,
    /// The next wait before jitter, in seconds.
    next: f64,
}

impl Backoff {
    /// Starts with the first wait. Values out of range are brought into it: a multiplier
    /// is at least 1, the jitter 0 to 1, the first wait at most the longest.
    pub fn new(config: BackoffConfig) -> Self {
        let config = BackoffConfig {
            initial: config.initial.min(config.max),
            multiplier: config.multiplier.max(1.0),
            jitter: config.jitter.clamp(0.0, 1.0),
            max: config.max,
        };
        Self {
            config,
            next: config.initial.as_secs_f64(),
        }
    }

    /// The next wait. The first one has jitter too: clients that lost the same server
    /// must not come back together.
    pub fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        let wait = self.next;
        self.next = (wait * self.config.multiplier).min(self.config.max.as_secs_f64());
        let jitter = self.config.jitter * (2.0 * rng.f64() - 1.0);
        Duration::try_from_secs_f64(wait * (1.0 + jitter)).unwrap_or(self.config.max)
    }

    /// Back to the first wait, after a success.
    pub fn reset(&mut self) {
        self.next = self.config.initial.as_secs_f64();
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(BackoffConfig::default())
    }
}

#[cfg(test)]
mod tests;
