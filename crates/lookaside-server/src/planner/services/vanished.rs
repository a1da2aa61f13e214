//! Backends that vanish: which of them are planned all the same, and who is asked.

use std::{cell::LazyCell, collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use lookaside_core::{
    Backend, BackendState, Host, Policy, Probe, ProbeAnswer, ProbeTicket, RemovalEvent, Revision,
    Service, ServiceName, Snapshot, Surroundings, Suspect, SuspectProbe,
};
use tokio::time::Instant;

use super::{Now, Services, changed, remembered::Suspects};
use crate::table::Cordoned;

/// The backends that a service is planned from.
pub(super) struct Believed {
    pub(super) service: Arc<Service>,
    pub(super) suspects: Arc<[Suspect]>,
    pub(super) revision: Revision,
}

/// What the removals want to know of everything else.
struct World<'a> {
    services: &'a Services,
    /// Suspects of the process before this one.
    remembered: &'a Suspects,
}

impl World<'_> {
    fn is_cordoned(&self, service: &ServiceName, backend: &Backend) -> bool {
        let addresses = LazyCell::new(|| self.addresses(service, backend));
        let found = Cordoned::find(backend, &self.services.cordons, || Some(&**addresses));
        found.is_some_and(|it| it.is_whole())
    }
}

impl Surroundings for World<'_> {
    fn hold_down(&self, service: &ServiceName) -> Duration {
        self.services.policy(service).hold_down.value
    }

    fn is_drained(&self, service: &ServiceName, backend: &Backend) -> bool {
        let overrides = self.services.overrides.services.get(service);
        let of_backend = overrides.and_then(|them| them.backends.get(&backend.id));
        let is_drained = of_backend.is_some_and(|them| {
            let planned = them.apply(backend);
            planned.state == BackendState::Draining || planned.weight == 0
        });
        is_drained || self.is_cordoned(service, backend)
    }

    fn addresses(&self, service: &ServiceName, backend: &Backend) -> Arc<[SocketAddr]> {
        let names = &self.services.names;
        let is_followed = match backend.address.host() {
            Host::Ip(_) => true,
            Host::Name(host) => names.status(host).is_some(),
        };
        if is_followed {
            return names.addresses(backend);
        }
        // The resolver has seen it vanish first.
        let planned = self.services.planned.get(service);
        if let Some(last) = planned.and_then(|planned| planned.last_addresses(&backend.id)) {
            return Arc::clone(last);
        }
        let mut remembered = self.remembered.get(service).into_iter().flatten();
        let found = remembered.find(|it| it.backend.id == backend.id);
        found.map(|it| it.addresses[..].into()).unwrap_or_default()
    }
}

impl Services {
    /// What has vanished between two snapshots.
    pub(super) fn watch_removals(&mut self, before: &Arc<Snapshot>, now: Now) {
        let at = now.timer.into_std();
        let (known, suspects) = self.recall(now).unzip();
        let (before, suspects) = (
            known.as_ref().unwrap_or(before),
            suspects.unwrap_or_default(),
        );
        let mut changes = Vec::new();
        if !Arc::ptr_eq(before, &self.backends) {
            changed(&before.services, &self.backends.services, |name| {
                changes.push((name.clone(), self.backends.services.get(name).cloned()));
            });
        }
        self.observe_removals(changes, &suspects, at);
        self.hold_since(&suspects, now);
    }

    pub(super) fn observe_removals(
        &mut self,
        changes: Vec<(ServiceName, Option<Arc<Service>>)>,
        remembered: &Suspects,
        at: std::time::Instant,
    ) {
        let mut removals = std::mem::take(&mut self.removals);
        let world = World {
            services: self,
            remembered,
        };
        removals.observe(changes, &world, at);
        self.removals = removals;
    }

    /// The registry will say nothing any more.
    pub(in crate::planner) fn lose(&mut self, now: Now) {
        self.removals.set_lost(true, now.timer.into_std());
        self.plan_removals(now);
    }

    /// Settings or overrides of these services may be others.
    pub(super) fn set_hold_downs(&mut self, names: &BTreeSet<ServiceName>, now: Now) {
        for name in names {
            if self.removals.knows(name) {
                let hold_down = self.policy(name).hold_down.value;
                let at = now.timer.into_std();
                self.removals.set_hold_down(name, hold_down, at);
            }
        }
    }

    pub(super) fn policy(&self, name: &ServiceName) -> Policy {
        Policy::new(
            &self.config.defaults,
            &self.settings_of(name).settings,
            &self.overrides_of(name),
        )
    }

    /// The backends that are planned: the registered ones and those that are held. While
    /// vanished ones are being asked, those that were planned last; `None` if none were.
    pub(super) fn believed(&self, name: &ServiceName) -> Option<Believed> {
        let belief = self.removals.belief(name);
        if belief.settled {
            return Some(Believed {
                service: belief.service,
                suspects: belief.suspects,
                revision: self.backends.revision,
            });
        }
        let (service, revision) = self.planned.get(name)?.last()?;
        Some(Believed {
            service,
            suspects: belief.suspects,
            revision,
        })
    }

    /// When [`Services::look`] has something to do.
    pub(in crate::planner) fn next_look(&self) -> Option<Instant> {
        self.removals.next_due().map(Instant::from_std)
    }

    /// Time has passed for the vanished.
    pub(in crate::planner) fn look(&mut self, now: Now) {
        self.removals.pass(now.timer.into_std());
        self.plan_removals(now);
    }

    /// When [`Services::next_probe`] has one.
    pub(in crate::planner) fn next_probe_at(&self, now: Now) -> Option<Instant> {
        let at = self.removals.next_probe_at(now.timer.into_std());
        at.map(Instant::from_std)
    }

    /// A vanished backend to ask now, and how: by its service's health check where there
    /// is one.
    pub(in crate::planner) fn next_probe(&mut self, now: Now) -> Option<(SuspectProbe, Probe)> {
        let probe = self.removals.next_probe(now.timer.into_std())?;
        let check = self.policy(&probe.service).health.value;
        Some((probe, check.map_or(Probe::Tcp, |check| check.probe)))
    }

    /// A probe has ended.
    pub(in crate::planner) fn probed(
        &mut self,
        ticket: ProbeTicket,
        answer: ProbeAnswer,
        now: Now,
    ) {
        self.removals.probed(ticket, answer, now.timer.into_std());
        self.plan_removals(now);
    }

    fn plan_removals(&mut self, now: Now) {
        for name in self.removals.take_changed() {
            self.change(name, now);
        }
    }

    /// Whether a service waits for vanished backends to be asked.
    pub(in crate::planner) fn asks(&self) -> bool {
        self.removals.is_waiting()
    }

    /// Backends that are held.
    pub(in crate::planner) fn suspects(&self) -> usize {
        self.removals.suspects()
    }

    /// What people should hear of.
    pub(in crate::planner) fn take_removal_events(&mut self) -> Vec<RemovalEvent> {
        self.removals.take_events()
    }
}
