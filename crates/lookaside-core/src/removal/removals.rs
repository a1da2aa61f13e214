mod lost;
mod observe;
mod resume;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Belief, MassRemoval, ProbeAnswer, ProbeTicket, RemovalEvent, SuspectProbe, Why,
    addresses::Addresses,
    diff::{Difference, differences},
    guard::Guard,
    hold_clock::HoldClock,
    missing::{Missing, Stage},
    probes::Probes,
};
use crate::{Backend, BackendId, Service, ServiceName};

/// So many missing backends are remembered over all services: as many registrations as a
/// balancer is made for. More are believed gone.
const MAX_MISSING: usize = 100_000;

/// A suspect leaves when so many probes in a row get no answer: a lost packet takes longer
/// to be sent again than a probe lasts. One that is refused leaves at once.
const MAX_SILENT: u32 = 2;

/// What a registry's state does not say.
pub trait Surroundings {
    /// How long a suspect of this service is held; zero: every removal is believed.
    fn hold_down(&self, service: &ServiceName) -> Duration;

    /// Whether an operator has taken a backend out of the list, whatever it says of
    /// itself: that it vanishes is no news.
    fn is_drained(&self, service: &ServiceName, backend: &Backend) -> bool;

    /// Where a backend can be reached that is registered no more.
    fn addresses(&self, service: &ServiceName, backend: &Backend) -> Arc<[SocketAddr]>;
}

/// Watches the backends of all services come and go, and decides which of those that
/// vanished are believed gone.
///
/// It does nothing by itself: it is told of new states, of time passing and of what probes
/// came to, and says what is to be planned, whom to probe, and when to look again.
#[derive(Debug, Default)]
pub struct Removals {
    policy: MassRemoval,
    guards: HashMap<ServiceName, Guard>,
    /// Services with missing backends.
    missing: BTreeSet<ServiceName>,
    /// How many missing backends there are.
    tracked: usize,
    /// Of these, how many are held.
    held: usize,
    /// Over all services, as [`Guard::stayed`].
    stayed: usize,
    hold_clock: HoldClock,
    addresses: Addresses,
    probes: Probes,
    due: BTreeSet<(Instant, ServiceName)>,
    due_of: BTreeMap<ServiceName, Instant>,
    started: bool,
    changed: BTreeSet<ServiceName>,
    events: Vec<RemovalEvent>,
}

impl Removals {
    /// Nothing is known yet: the first state that is observed is believed.
    pub fn new(policy: MassRemoval) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// A new state of the registry: the services that are another value than before,
    /// `None` where nothing is left of one.
    pub fn observe(
        &mut self,
        changes: impl IntoIterator<Item = (ServiceName, Option<Arc<Service>>)>,
        surroundings: &impl Surroundings,
        now: Instant,
    ) {
        let is_first = !mem::replace(&mut self.started, true);
        let changes: Vec<_> = changes
            .into_iter()
            .map(|(name, service)| {
                let service = service.unwrap_or_default();
                let guard = self.guards.entry(name.clone()).or_default();
                guard.hold_down = surroundings.hold_down(&name);
                let differences = differences(&guard.registered.backends, &service.backends);
                guard.registered = service;
                (name, differences)
            })
            .collect();
        // All that this state says, in the order: who has left, who is where now, who
        // has come. A backend may move between services in one state.
        for (name, differences) in &changes {
            self.miss(name, differences, surroundings, now);
        }
        for (name, differences) in &changes {
            self.index(name, differences);
        }
        for (name, differences) in &changes {
            self.meet(name, differences, is_first, now);
        }
        let mut vanished = false;
        for (name, differences) in &changes {
            if differences
                .iter()
                .any(|it| matches!(it, Difference::Left(_)))
            {
                vanished = true;
                self.judge(name, now);
            }
        }
        if vanished {
            self.judge_all(now);
        }
        for (name, _) in changes {
            self.settle(&name, now);
        }
        // And those that a change of another service has touched.
        for name in self.changed.clone() {
            self.settle(&name, now);
        }
    }

    /// The settings of a service are others than before.
    pub fn set_hold_down(&mut self, name: &ServiceName, hold_down: Duration, now: Instant) {
        let guard = self.guards.get(name);
        if guard.is_none_or(|guard| guard.hold_down == hold_down) {
            return;
        }
        // What is over by the settings before does not go on by the new ones.
        self.look(name, now);
        let Some(guard) = self.guards.get_mut(name) else {
            return;
        };
        guard.hold_down = hold_down;
        if hold_down.is_zero() {
            let ids: Vec<_> = guard.missing.keys().cloned().collect();
            for id in ids {
                self.forget(name, &id, Why::Off);
            }
        }
        self.look(name, now);
    }

    /// When [`Removals::pass`] has something to do.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Instant) {
        while let Some((at, name)) = self.due.first()
            && *at <= now
        {
            let name = name.clone();
            self.look(&name, now);
        }
    }

    /// When [`Removals::next_probe`] has one; a time that has passed is now.
    pub fn next_probe_at(&self, now: Instant) -> Option<Instant> {
        if self.probes.has_first() {
            return Some(now);
        }
        self.probes.next_again()
    }

    /// A backend to be asked now whether it is alive.
    pub fn next_probe(&mut self, now: Instant) -> Option<SuspectProbe> {
        while let Some((service, id)) = self.probes.pop(now) {
            let missing = self
                .guards
                .get_mut(&service)
                .and_then(|guard| guard.missing.get_mut(&id))
                .filter(|it| it.is_held() && it.probe.is_none());
            let Some(missing) = missing else { continue };
            let ticket = self.probes.begin((service.clone(), id));
            missing.probe = Some(ticket);
            return Some(SuspectProbe {
                ticket,
                service,
                backend: Arc::clone(&missing.backend),
                addresses: Arc::clone(&missing.addresses),
            });
        }
        None
    }

    /// A probe has ended. One of a backend that need not be asked any more is no matter.
    pub fn probed(&mut self, ticket: ProbeTicket, answer: ProbeAnswer, now: Instant) {
        let Some((name, id)) = self.probes.end(ticket) else {
            return;
        };
        let Some(guard) = self.guards.get_mut(&name) else {
            return;
        };
        let Some(missing) = guard.missing.get_mut(&id) else {
            return;
        };
        if missing.probe != Some(ticket) {
            return;
        }
        missing.probe = None;
        let silent = match (answer, missing.stage) {
            (ProbeAnswer::Unasked, _) => {
                self.probes.add_again(now, self.held, (name, id));
                return;
            }
            (ProbeAnswer::Alive, _) => 0,
            (ProbeAnswer::Silent, Stage::Suspect { silent }) => silent + 1,
            // Nobody that has never answered gets a second chance.
            (ProbeAnswer::Silent, _) | (ProbeAnswer::Refused, _) => MAX_SILENT,
        };
        if silent >= MAX_SILENT {
            if missing.stage == Stage::Unproven {
                guard.note_gone();
            }
            self.forget(&name, &id, Why::Silent);
            // While the registry is lost nothing may be due that would end an idle guard.
            if !self.missing.contains(&name) {
                return self.settle(&name, now);
            }
        } else {
            if missing.stage == Stage::Unproven {
                guard.unproven -= 1;
                self.changed.insert(name.clone());
            }
            missing.stage = Stage::Suspect { silent };
            self.probes.add_again(now, self.held, (name.clone(), id));
        }
        self.end_wait(&name, now);
    }

    /// What a service is to be planned from.
    pub fn belief(&self, name: &ServiceName) -> Belief {
        match self.guards.get(name) {
            Some(guard) => guard.belief(&self.hold_clock),
            None => Belief {
                service: Arc::default(),
                suspects: Arc::default(),
                settled: true,
            },
        }
    }

    /// Whether the service has, or had of late, any backend.
    pub fn knows(&self, name: &ServiceName) -> bool {
        self.guards.contains_key(name)
    }

    /// Whether the service has backends that are kept although they are not registered.
    pub fn has_suspects(&self, name: &ServiceName) -> bool {
        let guard = self.guards.get(name);
        guard.is_some_and(|guard| guard.missing.values().any(Missing::is_held))
    }

    /// Backends that are kept although they are not registered, over all services.
    pub fn suspects(&self) -> usize {
        self.held
    }

    /// Whether the plan of any service waits for backends to be asked.
    pub fn is_waiting(&self) -> bool {
        let mut missing = self.missing.iter().filter_map(|name| self.guards.get(name));
        missing.any(Guard::is_waiting)
    }

    /// The services of which something else is believed than when this was last asked, and
    /// not because the registry says so.
    pub fn take_changed(&mut self) -> BTreeSet<ServiceName> {
        mem::take(&mut self.changed)
    }

    /// What has happened since this was last asked.
    pub fn take_events(&mut self) -> Vec<RemovalEvent> {
        mem::take(&mut self.events)
    }

    /// One is missing no more; says whether it was.
    fn forget(&mut self, name: &ServiceName, id: &BackendId, why: Why) -> bool {
        let Some(guard) = self.guards.get_mut(name) else {
            return false;
        };
        let Some(missing) = guard.missing.remove(id) else {
            return false;
        };
        self.tracked -= 1;
        if guard.missing.is_empty() {
            self.missing.remove(name);
        }
        self.addresses.forget(&missing.backend.address, name, id);
        if missing.is_held() {
            self.held -= 1;
            self.probes.cancel(&(name.clone(), id.clone()));
            guard.unproven -= usize::from(missing.stage == Stage::Unproven);
            self.changed.insert(name.clone());
            self.events.push(RemovalEvent::Left {
                service: name.clone(),
                id: id.clone(),
                had_answered: missing.stage != Stage::Unproven,
                why,
            });
        }
        true
    }

    fn end_wait(&mut self, name: &ServiceName, now: Instant) {
        let guard = self.guards.get_mut(name);
        if let Some(verdict) = guard.and_then(|guard| guard.end_wait(now)) {
            self.changed.insert(name.clone());
            self.events.push(RemovalEvent::Judged {
                service: name.clone(),
                answer: verdict.answer,
                unproven: verdict.unproven,
                gone: verdict.gone,
            });
        }
    }

    /// What time has done to a service.
    fn look(&mut self, name: &ServiceName, now: Instant) {
        if let Some(guard) = self.guards.get_mut(name) {
            let stayed = guard.stayed();
            guard.forget_old(&self.policy, now);
            self.stayed = self.stayed - stayed + guard.stayed();
            for id in guard.timed_out(self.policy.window, &self.hold_clock, now) {
                self.forget(name, &id, Why::HeldLongEnough);
            }
        }
        self.settle(name, now);
    }

    /// Ends a wait that is over, and notes when to look again.
    fn settle(&mut self, name: &ServiceName, now: Instant) {
        self.end_wait(name, now);
        let mut due = None;
        if let Some(guard) = self.guards.get(name) {
            due = guard.due(self.policy.window, &self.hold_clock);
            if guard.is_idle() {
                self.guards.remove(name);
            }
        }
        let before = match due {
            Some(due) => self.due_of.insert(name.clone(), due),
            None => self.due_of.remove(name),
        };
        if let Some(before) = before {
            self.due.remove(&(before, name.clone()));
        }
        if let Some(due) = due {
            self.due.insert((due, name.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
