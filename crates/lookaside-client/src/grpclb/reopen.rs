use std::time::Duration;

use lookaside_core::{Backoff, BackoffConfig};

/// A stream that lasted so long was not short-lived.
const LONG_LIVED: Duration = Duration::from_secs(10);

/// When to open the next stream.
///
/// The stock clients reopen with no delay at all once they have seen an initial response,
/// and so ask a balancer that closes right after it tens of thousands of times a second.
/// Here such a stream is followed by a wait as well, longer each time.
#[derive(Debug)]
pub(super) struct Reopen {
    /// After streams without an initial response: gRPC's back-off, 1 s to 120 s.
    refused: Backoff,
    /// After short streams with one.
    short: Backoff,
}

/// The waits after short streams; with its jitter, no stream follows another sooner than
/// 100 ms.
const SHORT: BackoffConfig = BackoffConfig {
    initial: Duration::from_millis(125),
    multiplier: 1.6,
    jitter: 0.2,
    max: Duration::from_secs(10),
};

impl Reopen {
    pub(super) fn new() -> Self {
        Self {
            refused: Backoff::default(),
            short: Backoff::new(SHORT),
        }
    }

    /// How long to wait after a stream that lasted `lasted`. Its back-off runs from the
    /// stream's start (as in grpc-java), the floor from its end.
    pub(super) fn after(
        &mut self,
        saw_initial_response: bool,
        lasted: Duration,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        if saw_initial_response {
            self.refused.reset();
            if lasted >= LONG_LIVED {
                self.short.reset();
            }
            return self.short.next(rng);
        }
        let floor = Backoff::new(SHORT).next(rng);
        self.refused.next(rng).saturating_sub(lasted).max(floor)
    }
}

#[cfg(test)]
mod tests;
