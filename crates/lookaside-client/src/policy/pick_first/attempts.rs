use std::time::Instant;

use super::ATTEMPT_DELAY;
use crate::{Address, ConnectivityState, Subchannel, SubchannelState, policy::Controller};

/// One pass over the addresses, and then all of them again as their back-offs allow.
pub(super) struct Attempts {
    all: Vec<Attempt>,
    /// So many have been started.
    started: usize,
    /// When to start another one, if none has failed before.
    next_at: Option<Instant>,
}

struct Attempt {
    subchannel: Subchannel,
    state: ConnectivityState,
    /// It failed once in this pass.
    failed: bool,
}

impl Attempts {
    /// Not started yet; each address once.
    pub(super) fn new(addresses: &[Address], controller: &mut dyn Controller) -> Self {
        let mut all: Vec<Attempt> = Vec::with_capacity(addresses.len());
        for address in addresses {
            let (subchannel, state) = controller.new_subchannel(address);
            if all
                .iter()
                .any(|other| other.subchannel.id() == subchannel.id())
            {
                continue;
            }
            all.push(Attempt {
                subchannel,
                state: state.connectivity,
                failed: state.connectivity == ConnectivityState::TransientFailure,
            });
        }
        Self {
            all,
            started: 0,
            next_at: None,
        }
    }

    /// The first that is connected.
    pub(super) fn ready(&self) -> Option<Subchannel> {
        let ready = |attempt: &&Attempt| attempt.state == ConnectivityState::Ready;
        self.all
            .iter()
            .find(ready)
            .map(|found| found.subchannel.clone())
    }

    /// Every address has failed at least once.
    pub(super) fn all_failed(&self) -> bool {
        self.all.iter().all(|attempt| attempt.failed)
    }

    /// When to look again.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Takes a state; says whether the subchannel is one of these.
    pub(super) fn update(&mut self, subchannel: &Subchannel, state: &SubchannelState) -> bool {
        let same = |attempt: &&mut Attempt| attempt.subchannel.id() == subchannel.id();
        let Some(attempt) = self.all.iter_mut().find(same) else {
            return false;
        };
        attempt.state = state.connectivity;
        attempt.failed |= state.connectivity == ConnectivityState::TransientFailure;
        true
    }

    /// Starts what is due at `now`.
    pub(super) fn proceed(&mut self, now: Instant) {
        // After the pass, every address is tried whenever its back-off has ended (A61).
        for attempt in &self.all[..self.started] {
            if attempt.failed && attempt.state == ConnectivityState::Idle {
                attempt.subchannel.connect();
            }
        }
        while self.started < self.all.len() {
            let due = self.next_at.is_none_or(|at| at <= now)
                || self.all[..self.started]
                    .iter()
                    .all(|attempt| attempt.failed);
            if !due {
                return;
            }
            let attempt = &self.all[self.started];
            self.started += 1;
            if attempt.failed {
                // It is in its back-off: on to the next.
                continue;
            }
            attempt.subchannel.connect();
            self.next_at = Some(now + ATTEMPT_DELAY);
        }
        self.next_at = None;
    }
}
