use std::time::Duration;

use async_trait::async_trait;

use super::owner::Access;
use crate::{Claim, Handle, Registered, Registrar, RegistrarError, Registration, check_ttl};

/// Writes to a memory registry.
#[derive(Debug)]
pub(super) struct MemoryRegistrar(Access);

impl MemoryRegistrar {
    pub(super) fn new(access: Access) -> Self {
        Self(access)
    }
}

#[async_trait]
impl Registrar for MemoryRegistrar {
    async fn claim(
        &self,
        registration: &Registration,
        ttl: Duration,
        claim: &Claim,
    ) -> Result<Registered, RegistrarError> {
        registration.check()?;
        let ttl = check_ttl(ttl)?;
        let Registration { service, id, .. } = registration;
        let handle = Handle::new(&claim.key(service, id))?;
        let owner = Some(claim.owner(service, id));
        let registration = registration.clone();
        self.0
            .ask(move |table, now| {
                let ttl = table.register(now, &registration, ttl, handle.clone(), owner)?;
                Ok(Registered { handle, ttl })
            })
            .await?
    }

    async fn renew(&self, handle: &Handle) -> Result<Duration, RegistrarError> {
        let handle = handle.clone();
        self.0
            .ask(move |table, now| table.renew(now, &handle))
            .await?
    }

    async fn update(
        &self,
        handle: &Handle,
        registration: &Registration,
    ) -> Result<(), RegistrarError> {
        registration.check()?;
        let (handle, registration) = (handle.clone(), registration.clone());
        self.0
            .ask(move |table, _| table.update(&handle, &registration))
            .await?
    }

    async fn deregister(&self, handle: &Handle) -> Result<(), RegistrarError> {
        let handle = handle.clone();
        self.0.ask(move |table, _| table.deregister(&handle)).await
    }
}
