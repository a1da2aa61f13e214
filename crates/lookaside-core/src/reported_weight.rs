use std::{
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    time::Duration,
};

/// No time.
const NEVER: u64 = 0;

/// The weight of a backend by its own reports (A58). Written by the calls that bring
/// reports, read by whoever makes a schedule; no lock.
///
/// Times are since whatever the owner counts from.
#[derive(Debug, Default)]
pub struct ReportedWeight {
    /// An `f64`. Written before `updated` and read after it: at least as new as it says.
    weight: AtomicU64,
    /// When the last report came, in nanoseconds and one.
    updated: AtomicU64,
    /// Since when reports have been coming without too long a pause.
    since: AtomicU64,
}

impl ReportedWeight {
    /// Takes the weight of a report. One that is not a finite number above zero says
    /// nothing.
    pub fn report(&self, weight: f64, now: Duration) {
        if !weight.is_finite() || weight <= 0.0 {
            return;
        }
        let now = stamp(now);
        // An error: they have been coming before.
        let _ = self.since.compare_exchange(NEVER, now, Relaxed, Relaxed);
        self.weight.store(weight.to_bits(), Relaxed);
        self.updated.store(now, Release);
    }

    /// The backend has just been connected: it may be another one, or an empty one.
    pub fn connected(&self) {
        self.since.store(NEVER, Relaxed);
    }

    /// The weight to use; none in the first `blackout` of its reports, and when the last one
    /// is as old as `expiration`, after which the blackout begins anew.
    pub fn current(&self, now: Duration, blackout: Duration, expiration: Duration) -> Option<f64> {
        let updated = self.updated.load(Acquire);
        if updated == NEVER {
            return None;
        }
        let now = stamp(now);
        let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        if since(updated) >= expiration {
            self.since.store(NEVER, Relaxed);
            return None;
        }
        match self.since.load(Relaxed) {
            NEVER => None,
            first if since(first) < blackout => None,
            _ => Some(f64::from_bits(self.weight.load(Relaxed))),
        }
    }
}

/// What a report is worth (A58): calls a second by how much of the backend they take, errors
/// making it look busier. None if it does not say.
///
/// `qps` and `eps` are calls and errors a second, `utilization` a share of the backend,
/// `error_penalty` the utilization that errors alone would be.
pub fn weight_of_report(qps: f64, eps: f64, utilization: f64, error_penalty: f64) -> Option<f64> {
    // Also for what is no number.
    let positive = |figure: f64| figure.is_finite() && figure > 0.0;
    if !positive(qps) || !positive(utilization) {
        return None;
    }
    let penalty = if positive(eps) {
        eps / qps * error_penalty
    } else {
        0.0
    };
    let weight = qps / (utilization + penalty);
    positive(weight).then_some(weight)
}

/// For 584 years.
fn stamp(now: Duration) -> u64 {
    u64::try_from(now.as_nanos())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

#[cfg(test)]
mod tests;
