mod publish;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry as Slot},
    sync::Arc,
    time::Duration,
};

use lookaside_core::{
    Backend, BackendId, Override, OverrideNote, OverrideTarget, Revision, ServiceName,
    ServiceSettings, Settings,
};
use tokio::time::Instant;

use super::{Held, MemoryLimits, overrides::OverrideTable, owner::Version};
use crate::{Handle, OverrideError, Owner, RegistrarError, Registration, RegistrationError};

/// What is registered, and when it ends. Pure: time and handles are arguments.
#[derive(Debug)]
pub(super) struct Table {
    limits: MemoryLimits,
    revision: Revision,
    services: BTreeMap<ServiceName, BTreeMap<BackendId, Entry>>,
    settings: BTreeMap<ServiceName, Arc<ServiceSettings>>,
    by_handle: HashMap<Handle, (ServiceName, BackendId)>,
    /// The next to expire first; a handle once.
    expiries: BTreeMap<(Instant, u64), Handle>,
    /// Tells registrations apart that expire at the same instant.
    serial: u64,
    /// Services whose backends were written since the last publication.
    written: BTreeSet<ServiceName>,
    settings_written: bool,
    overrides: OverrideTable,
}

#[derive(Debug)]
struct Entry {
    backend: Arc<Backend>,
    handle: Handle,
    /// Unknown of one that was restored.
    owner: Option<Owner>,
    ttl: Duration,
    expiry: (Instant, u64),
}

impl Entry {
    fn yields_to(&self, owner: Option<&Owner>, registration: &Registration, now: Instant) -> bool {
        let same_address = self.backend.address == registration.address;
        // Renewals come at a third of the time to live.
        let missed_renewal = self.expiry.0.saturating_duration_since(now) <= self.ttl / 2;
        match (&self.owner, owner) {
            (Some(mine), Some(other)) => mine.yields_to(other, same_address, missed_renewal),
            _ => same_address && missed_renewal,
        }
    }

    /// Why it does not yield.
    fn refusal(&self, owner: Option<&Owner>, registration: &Registration) -> RegistrarError {
        let same_address = self.backend.address == registration.address;
        let known = self.owner.as_ref().zip(owner);
        let outdated = known.and_then(|(mine, it)| mine.outdates(it, registration, same_address));
        outdated.unwrap_or_else(|| RegistrarError::Taken {
            service: registration.service.clone(),
            id: registration.id.clone(),
            holder: self.holder(),
        })
    }

    fn holder(&self) -> Arc<str> {
        let owner = self.owner.as_ref().and_then(Owner::identity);
        let owner = owner.unwrap_or("somebody else");
        format!("{owner}, at {}", self.backend.address).into()
    }
}

impl Table {
    pub(super) fn new(limits: MemoryLimits) -> Self {
        Self {
            limits,
            revision: 0,
            services: BTreeMap::new(),
            settings: BTreeMap::new(),
            by_handle: HashMap::new(),
            expiries: BTreeMap::new(),
            serial: 0,
            written: BTreeSet::new(),
            settings_written: false,
            overrides: OverrideTable::default(),
        }
    }

    /// Records a backend under a handle, unless a live registration of the same id does
    /// not yield to its owner; returns for how long. A live registration with this very
    /// handle is renewed.
    pub(super) fn register(
        &mut self,
        now: Instant,
        registration: &Registration,
        ttl: Duration,
        handle: Handle,
        owner: Option<Owner>,
    ) -> Result<Duration, RegistrarError> {
        let Registration { service, id, .. } = registration;
        let previous = self.services.get(service).and_then(|them| them.get(id));
        if let Some(live) = previous.filter(|entry| entry.expiry.0 > now) {
            if live.handle == handle {
                return self.renew(now, &handle);
            }
            if !live.yields_to(owner.as_ref(), registration, now) {
                return Err(live.refusal(owner.as_ref(), registration));
            }
        }
        if previous.is_none() {
            self.check_room(service)?;
        }
        self.serial += 1;
        let expiry = (now + ttl, self.serial);
        let backend = self.write(registration);
        let entry = Entry {
            backend,
            handle: handle.clone(),
            owner,
            ttl,
            expiry,
        };
        self.expiries.insert(expiry, handle.clone());
        self.by_handle.insert(handle, (service.clone(), id.clone()));
        let backends = self.services.entry(service.clone()).or_default();
        if let Some(old) = backends.insert(id.clone(), entry) {
            self.expiries.remove(&old.expiry);
            self.by_handle.remove(&old.handle);
        }
        Ok(ttl)
    }

    /// Starts a registration's time to live again; one that is about to be ended for its
    /// age is still in time.
    pub(super) fn renew(
        &mut self,
        now: Instant,
        handle: &Handle,
    ) -> Result<Duration, RegistrarError> {
        let entry = self
            .by_handle
            .get(handle)
            .and_then(|(service, id)| self.services.get_mut(service)?.get_mut(id))
            .ok_or(RegistrarError::Gone)?;
        self.expiries.remove(&entry.expiry);
        entry.expiry.0 = now + entry.ttl;
        self.expiries.insert(entry.expiry, handle.clone());
        Ok(entry.ttl)
    }

    /// Replaces weight, zone and state.
    pub(super) fn update(
        &mut self,
        handle: &Handle,
        registration: &Registration,
    ) -> Result<(), RegistrarError> {
        let (service, id) = self.by_handle.get(handle).ok_or(RegistrarError::Gone)?;
        let entry = self.services.get(service).and_then(|them| them.get(id));
        let entry = entry.ok_or(RegistrarError::Gone)?;
        let fixed = |what| Err(RegistrationError::Fixed(what).into());
        if *service != registration.service {
            return fixed("the service");
        }
        if *id != registration.id {
            return fixed("the id");
        }
        if entry.backend.address != registration.address {
            return fixed("the address");
        }
        let backend = self.write(registration);
        if let Slot::Occupied(mut backends) = self.services.entry(registration.service.clone())
            && let Some(entry) = backends.get_mut().get_mut(&registration.id)
        {
            entry.backend = backend;
        }
        Ok(())
    }

    /// Ends a registration, if it has not ended.
    pub(super) fn deregister(&mut self, handle: &Handle) {
        if self.remove(handle) {
            self.revision += 1;
        }
    }

    /// Ends what was not renewed in time.
    pub(super) fn expire(&mut self, now: Instant) {
        let mut any = false;
        while let Some(((at, _), handle)) = self.expiries.first_key_value()
            && *at <= now
        {
            let handle = handle.clone();
            any |= self.remove(&handle);
        }
        any |= self.overrides.expire(now);
        if any {
            self.revision += 1;
        }
    }

    /// When [`Table::expire`] has something to do next.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let registration = self.expiries.first_key_value().map(|((at, _), _)| *at);
        let next = [registration, self.overrides.next_expiry()];
        next.into_iter().flatten().min()
    }

    /// Records an override; returns its revision.
    pub(super) fn put_override(
        &mut self,
        now: Instant,
        service: ServiceName,
        noted: (Override, OverrideNote),
        ttl: Option<Duration>,
        expected: Option<Revision>,
    ) -> Result<Revision, OverrideError> {
        let revision = self.revision + 1;
        self.overrides
            .put(now, service, noted, ttl, (expected, revision))?;
        self.revision = revision;
        Ok(revision)
    }

    /// Records an override that was saved, at the revision it had.
    pub(super) fn restore_override(
        &mut self,
        now: Instant,
        service: ServiceName,
        noted: (Override, OverrideNote),
        ttl: Option<Duration>,
    ) -> Result<(), OverrideError> {
        // 0 would be none.
        let revision = noted.1.revision.max(1);
        self.overtake(revision);
        self.overrides
            .put(now, service, noted, ttl, (None, revision))
    }

    /// All revisions to come are higher than this one.
    pub(super) fn overtake(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
    }

    /// Ends an override; says whether there was one.
    pub(super) fn delete_override(
        &mut self,
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
    ) -> Result<bool, OverrideError> {
        let deleted = self.overrides.delete(service, target, expected)?;
        self.revision += Revision::from(deleted);
        Ok(deleted)
    }

    pub(super) fn set_settings(
        &mut self,
        service: ServiceName,
        settings: Settings,
    ) -> Result<(), RegistrarError> {
        let limit = self.limits.registrations;
        if !self.settings.contains_key(&service) && self.settings.len() >= limit {
            return Err(full("services with settings", limit));
        }
        let settings = Arc::new(ServiceSettings {
            settings,
            problem: None,
        });
        if self.settings.get(&service) != Some(&settings) {
            self.settings.insert(service, settings);
            self.settings_written = true;
            self.revision += 1;
        }
        Ok(())
    }

    pub(super) fn clear_settings(&mut self, service: &ServiceName) {
        if self.settings.remove(service).is_some() {
            self.settings_written = true;
            self.revision += 1;
        }
    }

    /// Is another one after every change of what [`Table::held`] says, be it only a
    /// handle, and of the settings.
    pub(super) fn version(&self) -> Version {
        (self.revision, self.serial)
    }

    pub(super) fn held(&self) -> Vec<Held> {
        let entries = self.services.iter().flat_map(|(service, backends)| {
            backends.values().map(move |entry| Held {
                registration: Registration {
                    service: service.clone(),
                    id: entry.backend.id.clone(),
                    address: entry.backend.address.clone(),
                    weight: entry.backend.weight,
                    zone: entry.backend.zone.clone(),
                    state: entry.backend.state,
                },
                handle: entry.handle.clone(),
                ttl: entry.ttl,
            })
        });
        entries.collect()
    }

    pub(super) fn restore(&mut self, now: Instant, held: Vec<Held>) -> usize {
        let mut restored = 0;
        for Held {
            registration,
            handle,
            ttl,
        } in held
        {
            let Registration { service, id, .. } = &registration;
            let known = self
                .services
                .get(service)
                .is_some_and(|them| them.contains_key(id))
                || self.by_handle.contains_key(&handle);
            if !known
                && registration.check().is_ok()
                && crate::check_ttl(ttl).is_ok()
                && self.register(now, &registration, ttl, handle, None).is_ok()
            {
                restored += 1;
            }
        }
        restored
    }

    fn check_room(&self, service: &ServiceName) -> Result<(), RegistrarError> {
        let MemoryLimits {
            registrations,
            per_service,
        } = self.limits;
        if self.by_handle.len() >= registrations {
            return Err(full("registrations", registrations));
        }
        if self.services.get(service).map_or(0, BTreeMap::len) >= per_service {
            let what = format!("registrations of service {service}");
            return Err(full(&what, per_service));
        }
        Ok(())
    }

    /// The backend as it is recorded from now on: the one that is there, if it says
    /// the same, so that a restart within the time to live changes nothing.
    fn write(&mut self, registration: &Registration) -> Arc<Backend> {
        let Registration {
            service,
            id,
            address,
            weight,
            zone,
            state,
        } = registration;
        let entry = self.services.get(service).and_then(|them| them.get(id));
        let mut backend = Backend {
            id: id.clone(),
            address: address.clone(),
            weight: *weight,
            zone: zone.clone(),
            state: *state,
            key: format!("{service}/{id}").into(),
            revision: entry.map_or(0, |entry| entry.backend.revision),
        };
        if let Some(entry) = entry
            && *entry.backend == backend
        {
            return Arc::clone(&entry.backend);
        }
        self.revision += 1;
        backend.revision = self.revision;
        self.written.insert(service.clone());
        Arc::new(backend)
    }

    fn remove(&mut self, handle: &Handle) -> bool {
        let Some((service, id)) = self.by_handle.remove(handle) else {
            return false;
        };
        if let Slot::Occupied(mut backends) = self.services.entry(service.clone()) {
            if let Some(entry) = backends.get_mut().remove(&id) {
                self.expiries.remove(&entry.expiry);
            }
            if backends.get().is_empty() {
                backends.remove();
            }
        }
        self.written.insert(service);
        true
    }
}

fn full(what: &str, limit: usize) -> RegistrarError {
    RegistrarError::Full {
        what: what.into(),
        limit,
    }
}

#[cfg(test)]
mod tests;
