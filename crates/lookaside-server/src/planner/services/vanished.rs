//! Backends that vanish: which of them are planned all the same, and who is asked.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use lookaside_core::{
    Backend, BackendState, Host, Policy, Probe, ProbeAnswer, ProbeTicket, RemovalEvent, Revision,
    Service, ServiceName, Snapshot, Surroundings, Suspect, SuspectProbe,
};
use lookaside_registry::{Freshness, RegistryState};
use tokio::time::Instant;

use super::{KNOWN_FOR, Now, Services, changed};

/// The backends that a service is planned from.
pub(super) struct Believed {
    pub(super) service: Arc<Service>,
    pub(super) suspects: Arc<[Suspect]>,
    pub(super) revision: Revision,
}

/// What the removals want to know of everything else.
struct World<'a>(&'a Services);

impl Surroundings for World<'_> {
    fn hold_down(&self, service: &ServiceName) -> Duration {
        self.0.policy(service).hold_down.value
    }

    fn is_drained(&self, service: &ServiceName, backend: &Backend) -> bool {
        let overrides = self.0.overrides.services.get(service);
        let of_backend = overrides.and_then(|them| them.backends.get(&backend.id));
        of_backend.is_some_and(|them| {
            let planned = them.apply(backend);
            planned.state == BackendState::Draining || planned.weight == 0
        })
    }

    fn addresses(&self, service: &ServiceName, backend: &Backend) -> Arc<[SocketAddr]> {
        let names = &self.0.names;
        let is_followed = match backend.address.host() {
            Host::Ip(_) => true,
            Host::Name(host) => names.status(host).is_some(),
        };
        if is_followed {
            return names.addresses(backend);
        }
        // The resolver has seen it vanish first.
        let planned = self.0.planned.get(service);
        let last = planned.and_then(|planned| planned.last_addresses(&backend.id));
        last.map(Arc::clone).unwrap_or_default()
    }
}

impl Services {
    /// Takes over what the registry said when it was last followed, by a process before
    /// this one: what has vanished since is judged like any removal. A state that is long
    /// past says nothing, as the addresses in it may be anybody's by now.
    pub(in crate::planner) fn remember(&mut self, last_known: &RegistryState, now: Now) {
        let as_of = match last_known.freshness {
            Freshness::Connecting { .. } => return,
            Freshness::Synced { as_of } | Freshness::Stale { as_of, .. } => as_of,
        };
        if self.has_state || now.timer > as_of + KNOWN_FOR {
            return;
        }
        self.last_known = last_known.backends.clone();
    }

    /// What has vanished between two snapshots.
    pub(super) fn watch_removals(&mut self, before: &Arc<Snapshot>, now: Now) {
        let at = now.timer.into_std();
        let last_known = self.last_known.take();
        if let Some(last_known) = &last_known {
            let services = last_known.services.iter();
            let all = services.map(|(name, service)| (name.clone(), Some(Arc::clone(service))));
            self.observe_removals(all.collect(), at);
        }
        let before = last_known.as_ref().unwrap_or(before);
        let mut changes = Vec::new();
        if !Arc::ptr_eq(before, &self.backends) {
            changed(&before.services, &self.backends.services, |name| {
                changes.push((name.clone(), self.backends.services.get(name).cloned()));
            });
        }
        self.observe_removals(changes, at);
    }

    fn observe_removals(
        &mut self,
        changes: Vec<(ServiceName, Option<Arc<Service>>)>,
        at: std::time::Instant,
    ) {
        let mut removals = std::mem::take(&mut self.removals);
        removals.observe(changes, &World(self), at);
        self.removals = removals;
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

    fn policy(&self, name: &ServiceName) -> Policy {
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
