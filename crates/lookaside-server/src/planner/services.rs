mod remembered;
mod vanished;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_core::{
    Cordons, Host, OverridesSnapshot, Removals, Service, ServiceName, ServiceOverrides,
    ServiceSettings, SettingsSnapshot, Snapshot, TokenIssuer,
};
use lookaside_registry::{Freshness, Judged, RegistryState, names::Names};
use tokio::time::Instant;

use self::remembered::Remembered;
use super::{
    changelog::Changelog,
    diff::changed,
    service::{Inputs, PlanConfig, PlannedService},
    waits::Waits,
};
use crate::{
    Lists,
    health::{Checks, Verdicts},
    table::Table,
};

/// How long a service that left the registry is still known: longer than a deployment
/// that deletes it and creates it anew.
const KNOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// The planning state of all services: what is to be planned, and when.
#[derive(Debug)]
pub(super) struct Services {
    table: Arc<Table>,
    config: PlanConfig,
    quiet: Duration,
    max_delay: Duration,
    backends: Arc<Snapshot>,
    settings: Arc<SettingsSnapshot>,
    overrides: Arc<OverridesSnapshot>,
    /// Of all services; they are among the overrides.
    cordons: Arc<Cordons>,
    names: Arc<Names>,
    verdicts: Arc<Verdicts>,
    checks: Checks,
    removals: Removals,
    last_known: Option<Remembered>,
    judged: Arc<Judged>,
    has_state: bool,
    /// When this process heard of what is being taken over.
    heard_at: Option<Instant>,
    /// That of the state before: one that only says that nothing has changed may repeat it.
    last_heard_at: Option<Instant>,
    planned: HashMap<ServiceName, PlannedService>,
    /// Services whose changes wait, by when they go out.
    due: BTreeSet<(Instant, ServiceName)>,
    due_of: HashMap<ServiceName, Instant>,
    changelog: Changelog,
}

/// The time, as a timer and as people know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) timer: Instant,
    pub(super) clock: SystemTime,
}

impl Services {
    pub(super) fn new(table: Arc<Table>, config: PlanConfig, lists: &Lists) -> Self {
        Self {
            table,
            config,
            quiet: lists.quiet,
            max_delay: lists.max_delay,
            backends: Arc::default(),
            settings: Arc::default(),
            overrides: Arc::default(),
            cordons: Arc::default(),
            names: Arc::default(),
            verdicts: Arc::default(),
            checks: Checks::default(),
            removals: Removals::new(lists.mass_removal),
            last_known: None,
            judged: Arc::default(),
            has_state: false,
            heard_at: None,
            last_heard_at: None,
            planned: HashMap::new(),
            due: BTreeSet::new(),
            due_of: HashMap::new(),
            changelog: Changelog::default(),
        }
    }

    /// Takes over a complete state of the registry and plans what changed, now or soon.
    /// An incomplete one changes nothing.
    pub(super) fn observe(&mut self, state: &RegistryState, now: Now) {
        let (Some(backends), Some(settings), Some(overrides)) =
            (&state.backends, &state.settings, &state.overrides)
        else {
            return;
        };
        self.has_state = true;
        let mut names = BTreeSet::new();
        let mut note = |name: &ServiceName| {
            names.insert(name.clone());
        };
        // Most states say only that nothing has changed.
        let before = std::mem::replace(&mut self.backends, Arc::clone(backends));
        if !Arc::ptr_eq(&before, backends) {
            changed(&before.services, &backends.services, &mut note);
        }
        if !Arc::ptr_eq(&self.settings, settings) {
            changed(&self.settings.services, &settings.services, &mut note);
        }
        if !Arc::ptr_eq(&self.overrides, overrides) {
            changed(&self.overrides.services, &overrides.services, &mut note);
        }
        self.settings = Arc::clone(settings);
        self.overrides = Arc::clone(overrides);
        if self.follow_cordons() {
            // An operator orders one now and then, and a plan that is equal goes nowhere: it
            // is not worth knowing whom it concerns.
            names.extend(self.planned.keys().cloned());
        }
        let is_lost = !matches!(state.freshness, Freshness::Synced { .. });
        self.removals.set_lost(is_lost, now.timer.into_std());
        self.set_hold_downs(&names, now);
        self.watch_removals(&before, now);
        names.extend(self.removals.take_changed());
        self.note_suspects(&names);
        if !names.is_empty() {
            self.config.registry.changes.inc();
            tracing::debug!(
                revision = backends.revision,
                services = names.len(),
                "the registry has changed"
            );
        }
        let heard_at = state
            .heard_at
            .filter(|_| state.heard_at != self.last_heard_at);
        self.last_heard_at = state.heard_at;
        self.heard_at = heard_at;
        for name in names {
            self.change(name, now);
        }
        self.heard_at = None;
    }

    /// Takes the cordons from the overrides; says whether they are others.
    fn follow_cordons(&mut self) -> bool {
        let all = self.overrides.services.get(&ServiceName::all());
        let cordons = all.map(|it| &it.cordons);
        let changed = match cordons {
            Some(cordons) => *cordons != *self.cordons,
            None => !self.cordons.is_empty(),
        };
        if changed {
            self.cordons = Arc::new(cordons.cloned().unwrap_or_default());
        }
        changed
    }

    /// Takes over what is known of host names, and plans the services that use one of
    /// which something else is known now, be it only why it does not resolve.
    pub(super) fn resolve(&mut self, names: Arc<Names>, now: Now) {
        let before = std::mem::replace(&mut self.names, names);
        let differs = |host: &str| before.status(host) != self.names.status(host);
        let services = self.backends.services.iter();
        let concerned: Vec<ServiceName> = services
            .filter(|(_, service)| hosts(service).any(differs))
            .map(|(name, _)| name.clone())
            .collect();
        for name in concerned {
            self.change(name, now);
        }
    }

    /// Gives all services tokens of another issuer.
    pub(super) fn sign(&mut self, issuer: TokenIssuer, now: Now) {
        if self.config.issuer == issuer {
            return;
        }
        self.config.issuer = issuer;
        let services: Vec<ServiceName> = self.planned.keys().cloned().collect();
        for name in services {
            self.change(name, now);
        }
    }

    /// Takes over what is ejected, and plans the services of which something else is.
    pub(super) fn judge(&mut self, verdicts: Arc<Verdicts>, now: Now) {
        let before = std::mem::replace(&mut self.verdicts, verdicts);
        let mut names = Vec::new();
        changed(&before, &self.verdicts, |name| names.push(name.clone()));
        for name in names {
            self.change(name, now);
        }
    }

    /// What is to be checked.
    pub(super) fn checks(&mut self) -> &mut Checks {
        &mut self.checks
    }

    /// Whether a complete state has been taken over.
    pub(super) fn has_state(&self) -> bool {
        self.has_state
    }

    /// Whether every host name of the state that was taken over has been tried once.
    pub(super) fn names_are_tried(&self) -> bool {
        let mut services = self.backends.services.values();
        services.all(|service| self.names.covers(service))
    }

    fn change(&mut self, name: ServiceName, now: Now) {
        let absent = self.is_absent(&name);
        let service = match self.planned.get_mut(&name) {
            Some(service) => service,
            None if absent => return,
            None => {
                let entry = self.table.register(&name);
                let new = PlannedService::new(entry);
                self.planned.entry(name.clone()).or_insert(new)
            }
        };
        let absent_since = service.absent_since.unwrap_or(now.timer);
        service.absent_since = absent.then_some(absent_since);
        let heard_at = self.heard_at.unwrap_or(now.timer);
        let waits = || Waits::new(&name, heard_at, now.timer);
        service.waits.get_or_insert_with(waits);
        let before = service.debounce;
        let due = service
            .debounce
            .change(now.timer, self.quiet, self.max_delay);
        if due > now.timer {
            self.schedule(name, due);
        } else if !self.plan(&name, now)
            && let Some(service) = self.planned.get_mut(&name)
        {
            // Nobody saw it, so the next change need not wait.
            service.debounce = before;
        }
    }

    fn schedule(&mut self, name: ServiceName, due: Instant) {
        if let Some(earlier) = self.due_of.insert(name.clone(), due) {
            self.due.remove(&(earlier, name.clone()));
        }
        self.due.insert((due, name));
    }

    /// When [`Services::send_due`] has something to do.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Plans what has waited long enough, from the newest state.
    pub(super) fn send_due(&mut self, now: Now) {
        while let Some((due, name)) = self.due.pop_first() {
            if due > now.timer {
                self.due.insert((due, name));
                return;
            }
            self.due_of.remove(&name);
            if let Some(service) = self.planned.get_mut(&name) {
                service.debounce.sent();
                self.plan(&name, now);
            }
        }
    }

    /// Plans one service from the newest state; says whether streams got something new.
    fn plan(&mut self, name: &ServiceName, now: Now) -> bool {
        let Some(inputs) = self.inputs(name) else {
            return false;
        };
        let Some(service) = self.planned.get_mut(name) else {
            return false;
        };
        let appeared = !service.entry.topic().has_update() || service.entry.published().is_none();
        let check = inputs.settings.settings.health.clone();
        let changed = service.plan(inputs, &self.config, now.clock);
        self.checks.set(name, check.as_ref(), service.backends());
        if appeared && changed {
            self.table.announce();
        }
        // A list that is held is the same list, and still worth a line.
        if let Some(published) = service.entry.published()
            && (changed || !service.told.has_plan(&published))
        {
            if !self.changelog.is_open {
                service.told.note(&published);
            } else if self.changelog.pass(name) {
                service.told.tell(name, &published);
            }
        }
        changed
    }

    /// From now on, changes are told in the log.
    pub(super) fn open_changelog(&mut self) {
        self.changelog.is_open = true;
    }

    /// Begins a round of the log, with those that have waited for it.
    pub(super) fn tell_waiting(&mut self) {
        for name in self.changelog.turn() {
            let service = self.planned.get_mut(&name);
            let Some(service) = service else { continue };
            if let Some(published) = service.entry.published() {
                service.told.tell(&name, &published);
            }
        }
    }

    /// What a service is planned from; `None` before anything can be.
    fn inputs(&self, name: &ServiceName) -> Option<Inputs> {
        let none = || Arc::new(Service::default());
        let settings = self.settings_of(name);
        // What checks found that are turned off by now is on its way out.
        let ejections = match settings.settings.health {
            Some(_) => self.verdicts.get(name).cloned(),
            None => None,
        };
        let registered = self.backends.services.get(name);
        let registered = registered.cloned().unwrap_or_else(none);
        let believed = self.believed(name)?;
        Some(Inputs {
            registered,
            service: believed.service,
            suspects: believed.suspects,
            revision: believed.revision,
            settings,
            overrides: self.overrides_of(name),
            cordons: Arc::clone(&self.cordons),
            names: Arc::clone(&self.names),
            ejections,
        })
    }

    fn settings_of(&self, name: &ServiceName) -> Arc<ServiceSettings> {
        let settings = self.settings.services.get(name).cloned();
        settings.unwrap_or_else(|| Arc::new(ServiceSettings::default()))
    }

    fn overrides_of(&self, name: &ServiceName) -> Arc<ServiceOverrides> {
        let overrides = self.overrides.services.get(name).cloned();
        overrides.unwrap_or_else(|| Arc::new(ServiceOverrides::default()))
    }

    fn is_absent(&self, name: &ServiceName) -> bool {
        !self.backends.services.contains_key(name)
            && !self.settings.services.contains_key(name)
            && self
                .overrides
                .services
                .get(name)
                .is_none_or(|it| it.is_of_no_service())
            && !self.removals.has_suspects(name)
    }

    /// Forgets services of which the registry has had nothing, and for which no stream
    /// has been open, for [`KNOWN_FOR`].
    pub(super) fn forget_absent(&mut self, now: Instant) {
        let (table, due_of, due) = (&self.table, &mut self.due_of, &mut self.due);
        self.planned.retain(|name, service| {
            let Some(since) = service.absent_since else {
                return true;
            };
            if service.entry.streams() > 0 {
                service.absent_since = Some(now);
                return true;
            }
            let forget = now >= since + KNOWN_FOR && table.remove_idle(name);
            if forget && let Some(time) = due_of.remove(name) {
                due.remove(&(time, name.clone()));
            }
            !forget
        });
    }
}

/// The host names that a service is registered by.
fn hosts(service: &Service) -> impl Iterator<Item = &str> {
    let backends = service.backends.iter();
    backends.filter_map(|backend| match backend.address.host() {
        Host::Ip(_) => None,
        Host::Name(host) => Some(&**host),
    })
}

#[cfg(test)]
mod tests;
