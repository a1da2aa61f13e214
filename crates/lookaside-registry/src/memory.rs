//! The registry of a balancer that has no other: backends register with it, and it
//! forgets them when it ends.

mod holder;
mod override_writer;
mod overrides;
mod owner;
mod registrar;
mod table;

use std::{sync::Arc, time::SystemTime};

use lookaside_core::{OverridesSnapshot, ServiceName, Settings};
use tokio::sync::watch;

use self::registrar::MemoryRegistrar;
pub(crate) use self::{holder::Holder, override_writer::MemoryOverrides, owner::Owner};
use crate::{
    Handle, OverrideWriter, Registrar, RegistrarError, Registration, Registry, RegistryState,
};

/// How much a [`MemoryRegistry`] takes. Whoever can reach it can fill it, so it has a
/// bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Registrations in all, and services with settings. Default 100,000: some 50 MB.
    pub registrations: usize,
    /// Registrations of one service. Default 10,000, the longest list that is planned
    /// for.
    pub per_service: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            registrations: 100_000,
            per_service: 10_000,
        }
    }
}

/// One live registration, as it can be stored and restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What was registered.
    pub registration: Registration,
    /// Who may renew it.
    pub handle: Handle,
    /// How long it lives without a renewal.
    pub ttl: std::time::Duration,
}

/// Backends, settings and overrides in this process's memory.
///
/// A registration belongs to whoever made it ([`Claim`](crate::Claim)), and is kept and
/// ended with its handle. Whoever takes it over rightly voids the old handle.
///
/// What a [`Registrar`] method did is published before it returns. Dropping the
/// registry ends it: registrars handed out before answer
/// [`RegistrarError::Unavailable`].
#[derive(Debug)]
pub struct MemoryRegistry {
    owner: Owner,
}

impl MemoryRegistry {
    /// An empty registry. Must be called within a tokio runtime, whose clock it uses.
    pub fn new(limits: MemoryLimits) -> Self {
        Self {
            owner: Owner::spawn(limits),
        }
    }

    /// Sets a service's settings.
    ///
    /// # Errors
    /// [`RegistrarError::Full`] when too many services have some.
    pub async fn set_settings(
        &self,
        service: ServiceName,
        settings: Settings,
    ) -> Result<(), RegistrarError> {
        let table = self.owner.access();
        table
            .ask(move |table, _| table.set_settings(service, settings))
            .await?
    }

    /// Removes a service's settings, if it has any.
    ///
    /// # Errors
    /// Only when the registry has ended.
    pub async fn clear_settings(&self, service: ServiceName) -> Result<(), RegistrarError> {
        let table = self.owner.access();
        table
            .ask(move |table, _| table.clear_settings(&service))
            .await
    }

    /// Everything registered just now.
    ///
    /// # Errors
    /// Only when the registry has ended.
    pub async fn held(&self) -> Result<Vec<Held>, RegistrarError> {
        self.owner.access().ask(|table, _| table.held()).await
    }

    /// Puts back what [`MemoryRegistry::held`] gave another time, each for its whole
    /// time to live: whoever holds a handle had nobody to renew it with meanwhile. An
    /// id that has been registered since stays as it is; what the registry would
    /// not take now is left out. Returns how many were put back.
    ///
    /// # Errors
    /// Only when the registry has ended.
    pub async fn restore(&self, held: Vec<Held>) -> Result<usize, RegistrarError> {
        self.owner
            .access()
            .ask(move |table, now| table.restore(now, held))
            .await
    }
}

impl MemoryRegistry {
    /// For whoever saves what is held.
    pub(crate) fn holder(&self) -> Holder {
        Holder::new(self.owner.access().clone(), self.owner.versions())
    }
}

impl MemoryRegistry {
    /// Puts back overrides that were saved another time, but for those that have ended
    /// by `now`. Says how many were put back; the log says which could not be.
    pub async fn restore_overrides(&self, saved: &OverridesSnapshot, now: SystemTime) -> usize {
        let writer = MemoryOverrides::new(self.owner.access().clone());
        writer.restore(saved, now).await
    }
}

impl Registry for MemoryRegistry {
    fn url(&self) -> &str {
        "memory:"
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.owner.subscribe()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        Some(Arc::new(MemoryRegistrar::new(self.owner.access().clone())))
    }

    fn override_writer(&self) -> Option<Arc<dyn OverrideWriter>> {
        Some(Arc::new(MemoryOverrides::new(self.owner.access().clone())))
    }
}

#[cfg(test)]
mod tests;
