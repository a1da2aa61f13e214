use std::time::Duration;

use fastrand::Rng;
use lookaside_core::{Backoff, BackoffConfig};
use lookaside_registry::{Handle, MIN_TTL, Registered, RegistrarError, Registration};
use tokio::time::Instant;

/// Short at first: most failures are a balancer that restarts. A balancer that starts
/// with an empty registry holds its streams for 3 s, and the longest wait is well
/// within that even with jitter.
pub(crate) const BACKOFF: BackoffConfig = BackoffConfig {
    initial: Duration::from_millis(100),
    multiplier: 1.6,
    jitter: 0.2,
    max: Duration::from_millis(1600),
};

/// Renewals that a lost connection brings forward are spread over this long, so that
/// the backends of a dead balancer do not reach the next one all at once.
const NUDGE_SPREAD: Duration = Duration::from_millis(250);

/// What to ask of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Register,
    Update(Handle),
    Renew(Handle),
}

/// Decides when to ask the registry for what, so that a backend stays recorded. Does
/// nothing itself: time and randomness are arguments, answers are told to it.
#[derive(Debug)]
pub(crate) struct Keeper {
    held: Option<Held>,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

/// A registration that was made, as far as this side knows.
#[derive(Debug)]
struct Held {
    handle: Handle,
    recorded: Registration,
    renew_at: Instant,
    expires_at: Instant,
}

impl Default for Keeper {
    fn default() -> Self {
        Self {
            held: None,
            backoff: Backoff::new(BACKOFF),
            retry_at: None,
        }
    }
}

impl Keeper {
    /// The next thing to do, and when.
    pub(crate) fn next(&self, wanted: &Registration, now: Instant) -> (Instant, Step) {
        let Some(held) = &self.held else {
            return (self.retry_at.unwrap_or(now), Step::Register);
        };
        let handle = held.handle.clone();
        // A renewal that is due goes before an update, so that updates that fail
        // cannot starve it.
        if held.recorded == *wanted || held.renew_at <= now {
            (self.retry_at.unwrap_or(held.renew_at), Step::Renew(handle))
        } else {
            (self.retry_at.unwrap_or(now), Step::Update(handle))
        }
    }

    /// A registration was made by a request sent at `sent`.
    pub(crate) fn registered(&mut self, made: Registered, recorded: Registration, sent: Instant) {
        let ttl = made.ttl.max(MIN_TTL);
        self.succeeded();
        self.held = Some(Held {
            handle: made.handle,
            recorded,
            renew_at: sent + ttl / 3,
            expires_at: sent + ttl,
        });
    }

    /// It was renewed for `ttl` by a request sent at `sent`.
    pub(crate) fn renewed(&mut self, ttl: Duration, sent: Instant) {
        // A peer that grants nothing must not be asked without pause.
        let ttl = ttl.max(MIN_TTL);
        self.succeeded();
        if let Some(held) = &mut self.held {
            held.renew_at = sent + ttl / 3;
            held.expires_at = sent + ttl;
        }
    }

    /// It was updated to `recorded`.
    pub(crate) fn updated(&mut self, recorded: Registration) {
        self.succeeded();
        if let Some(held) = &mut self.held {
            held.recorded = recorded;
        }
    }

    /// The last step failed at `now`.
    pub(crate) fn failed(&mut self, error: &RegistrarError, now: Instant, rng: &mut Rng) {
        if matches!(error, RegistrarError::Gone) && self.held.take().is_some() {
            // The registry has spoken: register again at once.
            self.succeeded();
            return;
        }
        self.retry_at = Some(now + self.backoff.next(rng));
    }

    fn succeeded(&mut self) {
        self.backoff.reset();
        self.retry_at = None;
    }

    /// The connection to the registry broke: whoever answers next may know nothing of
    /// the registration, so look soon.
    pub(crate) fn nudged(&mut self, now: Instant, rng: &mut Rng) {
        if let Some(held) = &mut self.held {
            let soon = now + NUDGE_SPREAD.mul_f64(rng.f64());
            held.renew_at = held.renew_at.min(soon);
        }
    }

    /// Whether the registration still stands at `now` for all this side knows.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        self.held.as_ref().is_some_and(|held| now < held.expires_at)
    }

    /// The registration as recorded, where there is one.
    pub(crate) fn recorded(&self) -> Option<&Registration> {
        self.held.as_ref().map(|held| &held.recorded)
    }

    /// What to deregister.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.held.as_ref().map(|held| &held.handle)
    }
}

#[cfg(test)]
mod tests;
