use std::time::Duration;

use lookaside_core::{LatencyEstimate, PeakEwma};
use tonic::Code;

use super::super::{clock::Clock, in_flight::InFlight};
use crate::{CallEnd, CallTracker};

/// What is known of one backend.
#[derive(Debug)]
pub(super) struct Backend {
    clock: Clock,
    decay: Duration,
    in_flight: InFlight,
    latency: PeakEwma,
}

impl Backend {
    pub(super) fn new(clock: Clock, decay: Duration) -> Self {
        Self {
            clock,
            decay,
            in_flight: InFlight::default(),
            latency: PeakEwma::default(),
        }
    }

    pub(super) fn calls(&self) -> usize {
        self.in_flight.calls()
    }

    pub(super) fn latency(&self) -> Option<LatencyEstimate> {
        self.latency.estimate()
    }

    /// Learns from the end of a call.
    fn learn(&self, end: &CallEnd<'_>, now: Duration) {
        if !end.sent {
            return;
        }
        match end.code.map(Code::from_i32) {
            // Its caller did not wait for the end, but perhaps saw the beginning.
            None => match end.answered_after {
                Some(after) => self.latency.answered(after, now, self.decay),
                None => self.latency.gave_up(end.elapsed, now),
            },
            Some(code) if is_the_backends(code) => self.latency.failed(end.elapsed, now),
            Some(_) => {
                let after = end.answered_after.unwrap_or(end.elapsed);
                self.latency.answered(after, now, self.decay);
            }
        }
    }
}

/// Whether a backend that fails so is not well. All others are answers: of what it was
/// asked for, or of who asked.
fn is_the_backends(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::Internal
            | Code::Unknown
            | Code::DataLoss
            | Code::DeadlineExceeded
    )
}

impl CallTracker for Backend {
    fn call_started(&self) {
        self.in_flight.call_started();
    }

    fn call_finished(&self, end: &CallEnd<'_>) {
        self.in_flight.call_finished(end);
        self.learn(end, self.clock.now());
    }
}

#[cfg(test)]
mod tests;
