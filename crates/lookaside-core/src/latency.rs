use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The longest answer that is told from longer ones: a call that took an hour says no more
/// of a backend than one that took a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// The shortest, so that there is something to multiply.
const SHORTEST: Duration = Duration::from_micros(1);

/// How long a backend takes to answer: a moving average that jumps to every answer that is
/// slower, and comes down slowly.
///
/// ```text
/// e = s                                     if s > e: the peak counts at once
/// e = e · w + s · (1 − w),  w = exp(−Δt/τ)  otherwise
/// ```
///
/// with `s` the time of an answer, `Δt` the time since the one before and `τ` the decay
/// time. (The "peak EWMA" of Finagle and of tower.) All tasks may read and write it at
/// once; no lock.
#[derive(Debug, Default)]
pub struct PeakEwma(
    /// The estimate in seconds as an `f32`, then its time in milliseconds, modulo 2³²: no
    /// reader sees one without the other. Zero as long as nothing is known.
    AtomicU64,
);

/// An estimate, and when it was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyEstimate {
    seconds: f32,
    /// Milliseconds modulo 2³².
    at: u32,
}

impl PeakEwma {
    /// An answer took this long. `now`: since whatever the owner counts from.
    pub fn answered(&self, after: Duration, now: Duration, decay: Duration) {
        self.update(now, |estimate, at| match estimate {
            Some(estimate) if seconds(after) <= estimate.seconds => {
                let kept = (-estimate.age(at) / decay.as_secs_f64()).exp() as f32;
                estimate.seconds * kept + seconds(after) * (1.0 - kept)
            }
            _ => seconds(after),
        });
    }

    /// A call failed after this time. That counts as twice the estimate, and at least as the
    /// time it took: whoever fails fast must not look fast.
    pub fn failed(&self, after: Duration, now: Duration) {
        self.update(now, |estimate, _| {
            let known = estimate.map_or_else(|| seconds(after), |estimate| estimate.seconds);
            (2.0 * known).max(seconds(after)).min(seconds(LONGEST))
        });
    }

    /// There was no answer within this time, and nobody waits for one any more.
    pub fn gave_up(&self, after: Duration, now: Duration) {
        if self
            .estimate()
            .is_some_and(|estimate| seconds(after) > estimate.seconds)
        {
            self.update(now, |_, _| seconds(after));
        }
    }

    /// The estimate; none before the first answer.
    pub fn estimate(&self) -> Option<LatencyEstimate> {
        unpack(self.0.load(Relaxed))
    }

    fn update(&self, now: Duration, new: impl Fn(Option<LatencyEstimate>, u32) -> f32) {
        let now = millis(now);
        let step = |packed| {
            let before = unpack(packed);
            // Tasks overtake each other: time does not go back.
            let at = before.map_or(
                now,
                |before| if before.is_later(now) { before.at } else { now },
            );
            Some(pack(LatencyEstimate {
                seconds: new(before, at),
                at,
            }))
        };
        // Always Ok: `step` never refuses.
        let _ = self.0.fetch_update(Relaxed, Relaxed, step);
    }
}

impl LatencyEstimate {
    /// How many times `other` this is, both as they are at one time. What nobody asks any
    /// more decays towards zero, so that it is asked again; that this ratio is the same at
    /// every time is why comparing takes no clock.
    pub fn relative_to(self, other: Self, decay: Duration) -> f64 {
        let later = f64::from(self.at.wrapping_sub(other.at).cast_signed()) / 1000.0;
        let ratio = f64::from(self.seconds) / f64::from(other.seconds);
        if later == 0.0 {
            return ratio;
        }
        ratio * (later / decay.as_secs_f64()).exp()
    }

    /// As it was when it was made.
    pub fn latency(self) -> Duration {
        Duration::from_secs_f32(self.seconds)
    }

    fn is_later(self, now: u32) -> bool {
        now.wrapping_sub(self.at).cast_signed() < 0
    }

    /// In seconds.
    fn age(self, now: u32) -> f64 {
        f64::from(now.wrapping_sub(self.at)) / 1000.0
    }
}

fn seconds(time: Duration) -> f32 {
    time.clamp(SHORTEST, LONGEST).as_secs_f32()
}

/// Wraps around after 49 days, and is right for times less than half of that apart: the
/// estimate of a backend that nobody called for so long may be taken for a newer one, until
/// its next answer.
fn millis(time: Duration) -> u32 {
    (time.as_millis() & u128::from(u32::MAX)) as u32
}

fn pack(estimate: LatencyEstimate) -> u64 {
    u64::from(estimate.seconds.to_bits()) << 32 | u64::from(estimate.at)
}

fn unpack(packed: u64) -> Option<LatencyEstimate> {
    let seconds = f32::from_bits((packed >> 32) as u32);
    let at = (packed & u64::from(u32::MAX)) as u32;
    (seconds > 0.0).then_some(LatencyEstimate { seconds, at })
}

#[cfg(test)]
mod tests;
