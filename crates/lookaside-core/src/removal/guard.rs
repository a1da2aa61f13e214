use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Belief, MassRemoval, Suspect,
    diff::Difference,
    hold_clock::HoldClock,
    missing::{Missing, Stage, counts},
};
use crate::{BackendId, Service};

/// For so long at most a plan waits for backends to be asked. With 256 at a time that
/// take a second each not to answer, it is enough for 768; whoever has not been asked by
/// then is kept until it has been.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// What is known of one service's backends, registered and missing.
#[derive(Debug, Default)]
pub(super) struct Guard {
    pub(super) registered: Arc<Service>,
    /// Of the registered, those whose going would count.
    counted: usize,
    /// Of these, those that joined within the window: they were not there at its start.
    joined: BTreeMap<BackendId, Instant>,
    pub(super) missing: BTreeMap<BackendId, Missing>,
    /// Of the missing, how many have not been asked.
    pub(super) unproven: usize,
    /// The mass removal that is going on.
    mass: Option<Mass>,
    /// A plan waits for the unproven, until then at most.
    waiting: Option<Wait>,
    pub(super) hold_down: Duration,
}

/// A mass removal goes on while backends keep vanishing, none later than a window after
/// the one before: leases that were renewed in turns run out in turns.
#[derive(Clone, Copy, Debug)]
struct Mass {
    began: Instant,
    last: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    until: Instant,
    /// Backends that did not answer.
    gone: usize,
}

/// What came of a wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) answer: usize,
    pub(super) unproven: usize,
    pub(super) gone: usize,
}

impl Guard {
    /// Counts registered backends anew after a difference.
    pub(super) fn count(&mut self, difference: &Difference) {
        let (before, after) = match difference {
            Difference::Left(before) => (Some(before), None),
            Difference::Joined(after) => (None, Some(after)),
            Difference::Changed(before, after) => (Some(before), Some(after)),
        };
        self.counted -= usize::from(before.is_some_and(|it| counts(it)));
        self.counted += usize::from(after.is_some_and(|it| counts(it)));
        if let Difference::Left(before) = difference {
            self.joined.remove(&before.id);
        }
    }

    /// Notes that a backend is new.
    pub(super) fn join(&mut self, id: &BackendId, now: Instant) {
        self.joined.insert(id.clone(), now);
    }

    /// Backends that are registered and were so at the start of the window. Newcomers
    /// must not outweigh the missing: in a deployment they may be as many.
    pub(super) fn stayed(&self) -> usize {
        self.counted.saturating_sub(self.joined.len())
    }

    /// Backends that vanished within the window.
    pub(super) fn missing_within(&self, window: Duration, now: Instant) -> usize {
        let missing = self.missing.values();
        missing.filter(|it| now - it.since <= window).count()
    }

    /// Whether a mass removal is still going on; at most for as long as a suspect is held.
    pub(super) fn is_ongoing(&self, policy: &MassRemoval, now: Instant) -> bool {
        self.mass.is_some_and(|mass| {
            now - mass.last <= policy.window && now - mass.began < self.hold_down
        })
    }

    /// Those that are believed gone, and should not be, if removals are not believed.
    pub(super) fn doubtful(
        &self,
        window: Duration,
        clock: &HoldClock,
        now: Instant,
    ) -> Vec<BackendId> {
        let doubtful = |it: &Missing| {
            it.stage == Stage::Gone
                && now - it.since <= window
                && !it.hold(self.hold_down, clock).is_over(now)
        };
        let missing = self.missing.iter();
        missing
            .filter(|(_, it)| doubtful(it))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// A mass removal begins or goes on; says whether it begins.
    pub(super) fn mass(&mut self, policy: &MassRemoval, now: Instant) -> bool {
        let ongoing = self.is_ongoing(policy, now);
        let began = self.mass.filter(|_| ongoing).map_or(now, |mass| mass.began);
        self.mass = Some(Mass { began, last: now });
        !ongoing
    }

    /// The next plan waits for the unproven.
    pub(super) fn wait(&mut self, now: Instant) {
        self.waiting.get_or_insert(Wait {
            until: now + MAX_WAIT,
            gone: 0,
        });
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// One did not answer its first probe.
    pub(super) fn note_gone(&mut self) {
        if let Some(wait) = &mut self.waiting {
            wait.gone += 1;
        }
    }

    /// Ends the wait if there is nobody left to wait for, or time is up.
    pub(super) fn end_wait(&mut self, now: Instant) -> Option<Verdict> {
        let wait = self.waiting?;
        if self.unproven > 0 && now < wait.until {
            return None;
        }
        self.waiting = None;
        let held = self.missing.values().filter(|it| it.is_held()).count();
        Some(Verdict {
            answer: held - self.unproven,
            unproven: self.unproven,
            gone: wait.gone,
        })
    }

    /// Missing backends that time has settled: they are held no longer, or not counted.
    pub(super) fn timed_out(
        &self,
        window: Duration,
        clock: &HoldClock,
        now: Instant,
    ) -> Vec<BackendId> {
        let over = |it: &Missing| match it.stage {
            Stage::Gone => now - it.since > window,
            Stage::Unproven | Stage::Suspect { .. } => it.hold(self.hold_down, clock).is_over(now),
        };
        let missing = self.missing.iter();
        missing
            .filter(|(_, it)| over(it))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Forgets who is no newcomer any more, and a mass removal that is over.
    pub(super) fn forget_old(&mut self, policy: &MassRemoval, now: Instant) {
        self.joined.retain(|_, at| now - *at <= policy.window);
        if !self.is_ongoing(policy, now) {
            self.mass = None;
        }
    }

    /// When time changes something next.
    pub(super) fn due(&self, window: Duration, clock: &HoldClock) -> Option<Instant> {
        let after_window = |since: Instant| since + window + TICK;
        let missing = self.missing.values().filter_map(|it| match it.stage {
            Stage::Gone => Some(after_window(it.since)),
            Stage::Unproven | Stage::Suspect { .. } => it.hold(self.hold_down, clock).end(),
        });
        let joined = self.joined.values().map(|at| after_window(*at));
        let waiting = self.waiting.map(|wait| wait.until);
        let mass = self.mass.map(|mass| after_window(mass.last));
        missing.chain(joined).chain(waiting).chain(mass).min()
    }

    /// Nothing is known that a new guard would not know.
    pub(super) fn is_idle(&self) -> bool {
        self.registered.backends.is_empty()
            && self.registered.problems.is_empty()
            && self.missing.is_empty()
            && self.joined.is_empty()
            && self.mass.is_none()
    }

    /// Sorted by id.
    pub(super) fn suspects(&self, clock: &HoldClock) -> Arc<[Suspect]> {
        let held = self.missing.values().filter(|it| it.is_held());
        held.map(|it| it.suspect(self.hold_down, clock)).collect()
    }

    pub(super) fn belief(&self, clock: &HoldClock) -> Belief {
        let held = || self.missing.values().filter(|it| it.is_held());
        if held().next().is_none() {
            return Belief {
                service: Arc::clone(&self.registered),
                suspects: Arc::default(),
                settled: !self.is_waiting(),
            };
        }
        let mut backends = self.registered.backends.clone();
        backends.extend(held().map(|it| Arc::clone(&it.backend)));
        backends.sort_by(|one, other| one.id.cmp(&other.id));
        Belief {
            service: Arc::new(Service {
                backends,
                problems: self.registered.problems.clone(),
            }),
            suspects: self.suspects(clock),
            settled: !self.is_waiting(),
        }
    }
}

/// Just after the window, not at its end.
const TICK: Duration = Duration::from_millis(1);
