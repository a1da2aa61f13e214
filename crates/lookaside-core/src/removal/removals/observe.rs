use std::{sync::Arc, time::Instant};

use super::{MAX_MISSING, Removals, Surroundings};
use crate::{
    Backend, ServiceName,
    removal::{
        RemovalEvent, Why,
        diff::Difference,
        missing::{Missing, Stage, counts},
    },
};

/// The steps of [`Removals::observe`].
impl Removals {
    /// Who has left, as seen before anything else of this state.
    pub(super) fn miss(
        &mut self,
        name: &ServiceName,
        differences: &[Difference],
        surroundings: &impl Surroundings,
        now: Instant,
    ) {
        let Some(guard) = self.guards.get_mut(name) else {
            return;
        };
        let stayed = guard.stayed();
        let mut believed = 0;
        for difference in differences {
            guard.count(difference);
            let Difference::Left(backend) = difference else {
                continue;
            };
            let announced = !counts(backend) || surroundings.is_drained(name, backend);
            if announced || guard.hold_down.is_zero() {
                continue;
            }
            if self.tracked >= MAX_MISSING {
                believed += 1;
                continue;
            }
            let shares_with = self.addresses.others(&backend.address, name);
            let missing = Missing {
                backend: Arc::clone(backend),
                addresses: surroundings.addresses(name, backend),
                since: now,
                held_from: self.hold_clock.read(now),
                shares_with,
                stage: Stage::Gone,
                probe: None,
            };
            self.tracked += 1;
            guard.missing.insert(backend.id.clone(), missing);
            self.addresses.miss(&backend.address, name, &backend.id);
        }
        self.stayed = self.stayed - stayed + guard.stayed();
        if !guard.missing.is_empty() {
            self.missing.insert(name.clone());
        }
        if believed > 0 {
            let service = name.clone();
            self.events.push(RemovalEvent::Full { service, believed });
        }
    }

    /// Who is where now.
    pub(super) fn index(&mut self, name: &ServiceName, differences: &[Difference]) {
        for difference in differences {
            if let Difference::Left(before) | Difference::Changed(before, _) = difference {
                self.addresses.deregister(&before.address, name);
            }
            if let Difference::Joined(after) | Difference::Changed(_, after) = difference {
                self.addresses.register(&after.address, name);
            }
        }
    }

    /// Who has come, and is therefore missing no more.
    pub(super) fn meet(
        &mut self,
        name: &ServiceName,
        differences: &[Difference],
        is_first: bool,
        now: Instant,
    ) {
        for difference in differences {
            match difference {
                Difference::Left(_) => {}
                Difference::Joined(new) => {
                    let returns = self.forget(name, &new.id, Why::Returned);
                    let met = self.meet_at(name, new);
                    if !(returns || met || is_first)
                        && counts(new)
                        && let Some(guard) = self.guards.get_mut(name)
                    {
                        let stayed = guard.stayed();
                        guard.join(&new.id, now);
                        self.stayed = self.stayed - stayed + guard.stayed();
                    }
                }
                Difference::Changed(old, new) => {
                    if old.address != new.address {
                        self.meet_at(name, new);
                    }
                }
            }
        }
        // Another registration of the same place may have been there before.
        for difference in differences {
            if let Difference::Left(gone) = difference
                && self.addresses.has(&gone.address, name)
            {
                self.forget(name, &gone.id, Why::Returned);
            }
        }
    }

    /// A service has a backend at an address: whoever is missing there is not missing, or
    /// somebody else. Says whether the service missed one there.
    pub(super) fn meet_at(&mut self, name: &ServiceName, new: &Backend) -> bool {
        let mut own = false;
        for (service, id) in self.addresses.missing(&new.address) {
            if service == *name {
                own |= self.forget(&service, &id, Why::Returned);
                continue;
            }
            let shares = self
                .guards
                .get(&service)
                .and_then(|guard| guard.missing.get(&id))
                .is_some_and(|missing| missing.shares_with.contains(name));
            if !shares {
                self.forget(&service, &id, Why::Elsewhere(name.clone()));
            }
        }
        own
    }

    /// Whether too many backends of a service have vanished.
    pub(super) fn judge(&mut self, name: &ServiceName, now: Instant) {
        let Some(guard) = self.guards.get(name) else {
            return;
        };
        let missing = guard.missing_within(self.policy.window, now);
        let of = missing + guard.stayed();
        if guard.is_ongoing(&self.policy, now) || self.policy.is_met(missing, of) {
            self.doubt(name, (missing, of), false, now);
        }
    }

    /// Whether too many backends have vanished over all services: of a registry that was
    /// restored empty, no service is too small to be believed.
    pub(super) fn judge_all(&mut self, now: Instant) {
        let within = |name: &ServiceName| {
            let guard = self.guards.get(name);
            guard.map_or(0, |it| it.missing_within(self.policy.window, now))
        };
        let missing: usize = self.missing.iter().map(within).sum();
        if self.policy.is_met(missing, missing + self.stayed) {
            for name in self.missing.clone() {
                let counts = (missing, missing + self.stayed);
                self.doubt(&name, counts, true, now);
            }
        }
    }

    /// Does not believe what has vanished within the window.
    pub(super) fn doubt(
        &mut self,
        name: &ServiceName,
        (missing, of): (usize, usize),
        everywhere: bool,
        now: Instant,
    ) {
        let Some(guard) = self.guards.get_mut(name) else {
            return;
        };
        let doubtful = guard.doubtful(self.policy.window, &self.hold_clock, now);
        if doubtful.is_empty() {
            return;
        }
        if guard.mass(&self.policy, now) {
            self.events.push(RemovalEvent::Mass {
                service: name.clone(),
                missing,
                of,
                everywhere,
            });
        }
        guard.wait(now);
        for id in &doubtful {
            let Some(missing) = guard.missing.get_mut(id) else {
                continue;
            };
            missing.stage = Stage::Unproven;
            guard.unproven += 1;
            self.held += 1;
        }
        self.changed.insert(name.clone());
        // What never had an address cannot answer.
        let (asked, unreachable): (Vec<_>, Vec<_>) = doubtful.into_iter().partition(|id| {
            let missing = guard.missing.get(id);
            missing.is_some_and(|it| !it.addresses.is_empty())
        });
        for _ in &unreachable {
            guard.note_gone();
        }
        self.probes.add_first(name, asked.into_iter());
        for id in unreachable {
            self.forget(name, &id, Why::Silent);
        }
    }
}
