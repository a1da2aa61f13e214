//! One subchannel's states, without its I/O: the owner of the connection says what
//! happened and does what the answer says.
//!
//! ```text
//!          connect requested             connected
//!   IDLE ───────────────────▶ CONNECTING ──────────▶ READY
//!    ▲ ▲                          │ failed            │ closed, GOAWAY
//!    │ └── back-off expired ── TRANSIENT_FAILURE      │
//!    └────────────────────────────────────────────────┘
//! ```
//!
//! A connection that was of no use (it ended within a second and answered no call) may be a
//! restart's doing, once. A second one in a row is a failed attempt: TRANSIENT_FAILURE for the
//! rest of its back-off, which goes on growing. So a peer that only ever greets and leaves does
//! not keep `pick_first` from the other addresses, nor is it dialled without end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Backoff, BackoffConfig, ConnectivityState};

/// The least time an attempt gets, however short the back-off (gRPC's
/// connection-backoff, MIN_CONNECT_TIMEOUT).
pub const MIN_CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection that has lived for so long was of use, whether it was called or not: as long as
/// the first back-off is by default, so that one that ends then is dialled no more often than
/// one that cannot be reached.
const OF_USE: Duration = Duration::from_secs(1);

/// What happened to a subchannel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubchannelEvent {
    /// The policy wants a connection.
    ConnectRequested,
    /// The attempt succeeded: the peer's SETTINGS have arrived.
    Connected,
    /// The attempt failed or timed out: why.
    ConnectFailed(Arc<str>),
    /// The connection closed or got a GOAWAY.
    Disconnected {
        /// Why.
        why: Arc<str>,
        /// Whether any call on it was answered.
        answered: bool,
    },
    /// The armed timer fired.
    BackoffExpired,
    /// There is reason to hope again, as after a change of the network: do not wait.
    BackoffReset,
    /// The policy dropped the subchannel.
    ShutDown,
}

/// What the owner of the connection has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubchannelAction {
    /// Begin an attempt and give it this long.
    StartConnect {
        /// The longest it may take, SETTINGS included.
        timeout: Duration,
    },
    /// Give up the attempt that is under way.
    CancelConnect,
    /// Send [`SubchannelEvent::BackoffExpired`] after this time, in place of any timer
    /// armed before.
    ArmTimer(Duration),
    /// Disarm the timer.
    CancelTimer,
    /// Let go of the connection: no new calls; those under way may end.
    Close,
    /// Tell the policy.
    Report(ConnectivityState),
}

/// The state machine of one subchannel. Events that the state has no place for, which
/// come when two things happen at once, change nothing.
#[derive(Debug)]
pub struct Subchannel {
    state: State,
    backoff: Backoff,
    failure: Option<Arc<str>>,
    /// Its last connection was of no use.
    useless: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// `retry_at`: when the next attempt may begin, if this one fails.
    Connecting {
        retry_at: Instant,
    },
    /// `retry_at`: as before, if this connection turns out to be of no use.
    Ready {
        since: Instant,
        retry_at: Instant,
    },
    TransientFailure {
        retry_at: Instant,
    },
    Shutdown,
}

impl Subchannel {
    /// Idle.
    pub fn new(config: BackoffConfig) -> Self {
        Self {
            state: State::Idle,
            backoff: Backoff::new(config),
            failure: None,
            useless: false,
        }
    }

    /// The state, as last reported.
    pub fn state(&self) -> ConnectivityState {
        match self.state {
            State::Idle => ConnectivityState::Idle,
            State::Connecting { .. } => ConnectivityState::Connecting,
            State::Ready { .. } => ConnectivityState::Ready,
            State::TransientFailure { .. } => ConnectivityState::TransientFailure,
            State::Shutdown => ConnectivityState::Shutdown,
        }
    }

    /// Why the last attempt failed or the last connection ended; nothing once connected.
    pub fn failure(&self) -> Option<&Arc<str>> {
        self.failure.as_ref()
    }

    /// Takes an event at time `now`; says what to do, in this order.
    pub fn handle(
        &mut self,
        event: SubchannelEvent,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> Vec<SubchannelAction> {
        use SubchannelEvent as Event;
        match (self.state, event) {
            (State::Idle, Event::ConnectRequested) => self.connect(now, rng),
            (State::Connecting { retry_at }, Event::Connected) => {
                // Only SETTINGS reset the back-off: a port that accepts and then closes
                // must not be dialled in a tight loop.
                if !self.useless {
                    self.backoff.reset();
                }
                self.failure = None;
                let since = now;
                self.enter(State::Ready { since, retry_at }, [])
            }
            (
                State::Connecting { retry_at },
                Event::ConnectFailed(why) | Event::Disconnected { why, .. },
            ) => {
                self.failure = Some(why);
                self.fail(retry_at, now, None)
            }
            (State::Ready { since, retry_at }, Event::Disconnected { why, answered }) => {
                self.failure = Some(why);
                let useless = !answered && now.saturating_duration_since(since) < OF_USE;
                let again = std::mem::replace(&mut self.useless, useless) && useless;
                if again {
                    return self.fail(retry_at, now, Some(SubchannelAction::Close));
                }
                if !useless {
                    self.backoff.reset();
                }
                // A lost connection goes to IDLE, not to a new attempt: the policy decides
                // (gRPC's connectivity-semantics-and-api).
                self.enter(State::Idle, [SubchannelAction::Close])
            }
            (State::TransientFailure { retry_at }, Event::BackoffExpired) => {
                if now < retry_at {
                    // A timer that fired early, or one that was replaced.
                    return vec![SubchannelAction::ArmTimer(retry_at - now)];
                }
                self.enter(State::Idle, [])
            }
            (State::TransientFailure { .. }, Event::BackoffReset) => {
                self.backoff.reset();
                self.enter(State::Idle, [SubchannelAction::CancelTimer])
            }
            (State::Connecting { .. }, Event::BackoffReset) => {
                self.backoff.reset();
                // Should this attempt fail, which began before, the next is not to wait.
                self.state = State::Connecting { retry_at: now };
                Vec::new()
            }
            (State::Idle, Event::BackoffReset) => {
                self.backoff.reset();
                Vec::new()
            }
            (State::Shutdown, _) => Vec::new(),
            (state, Event::ShutDown) => {
                let end = match state {
                    State::Connecting { .. } => Some(SubchannelAction::CancelConnect),
                    State::TransientFailure { .. } => Some(SubchannelAction::CancelTimer),
                    State::Ready { .. } => Some(SubchannelAction::Close),
                    State::Idle | State::Shutdown => None,
                };
                self.enter(State::Shutdown, end)
            }
            _ => Vec::new(),
        }
    }

    fn connect(&mut self, now: Instant, rng: &mut fastrand::Rng) -> Vec<SubchannelAction> {
        // Measured from the start of the attempt, so that one that takes longer than its
        // back-off to fail is followed by the next at once (gRPC's connection-backoff).
        let wait = self.backoff.next(rng);
        let retry_at = now.checked_add(wait).unwrap_or(now);
        let timeout = wait.max(MIN_CONNECT_TIMEOUT);
        self.enter(
            State::Connecting { retry_at },
            [SubchannelAction::StartConnect { timeout }],
        )
    }

    /// Waits for the rest of the back-off.
    fn fail(
        &mut self,
        retry_at: Instant,
        now: Instant,
        first: Option<SubchannelAction>,
    ) -> Vec<SubchannelAction> {
        let wait = retry_at.saturating_duration_since(now);
        let wait = SubchannelAction::ArmTimer(wait);
        let actions = first.into_iter().chain([wait]);
        self.enter(State::TransientFailure { retry_at }, actions)
    }

    fn enter(
        &mut self,
        state: State,
        actions: impl IntoIterator<Item = SubchannelAction>,
    ) -> Vec<SubchannelAction> {
        self.state = state;
        let mut actions: Vec<_> = actions.into_iter().collect();
        actions.push(SubchannelAction::Report(self.state()));
        actions
    }
}

#[cfg(test)]
mod tests;
