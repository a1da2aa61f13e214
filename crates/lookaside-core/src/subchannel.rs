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

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Backoff, BackoffConfig, ConnectivityState};

/// The least time an attempt gets, however short the back-off (gRPC's
/// connection-backoff, MIN_CONNECT_TIMEOUT).
pub const MIN_CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// What happened to a subchannel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubchannelEvent {
    /// The policy wants a connection.
    ConnectRequested,
    /// The attempt succeeded: the peer's SETTINGS have arrived.
    Connected,
    /// The attempt failed or timed out: why.
    ConnectFailed(Arc<str>),
    /// The connection closed or got a GOAWAY: why.
    Disconnected(Arc<str>),
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
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// `retry_at`: when the next attempt may begin, if this one fails.
    Connecting {
        retry_at: Instant,
    },
    Ready,
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
        }
    }

    /// The state, as last reported.
    pub fn state(&self) -> ConnectivityState {
        match self.state {
            State::Idle => ConnectivityState::Idle,
            State::Connecting { .. } => ConnectivityState::Connecting,
            State::Ready => ConnectivityState::Ready,
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
            (State::Connecting { .. }, Event::Connected) => {
                // Only SETTINGS reset the back-off: a port that accepts and then closes
                // must not be dialled in a tight loop.
                self.backoff.reset();
                self.failure = None;
                self.enter(State::Ready, [])
            }
            (
                State::Connecting { retry_at },
                Event::ConnectFailed(why) | Event::Disconnected(why),
            ) => {
                self.failure = Some(why);
                let wait = retry_at.saturating_duration_since(now);
                self.enter(
                    State::TransientFailure { retry_at },
                    [SubchannelAction::ArmTimer(wait)],
                )
            }
            // A lost connection goes to IDLE, not to a new attempt: the policy decides
            // (gRPC's connectivity-semantics-and-api).
            (State::Ready, Event::Disconnected(why)) => {
                self.failure = Some(why);
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
                    State::Ready => Some(SubchannelAction::Close),
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
