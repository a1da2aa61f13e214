use std::time::Duration;

use async_trait::async_trait;

use super::owner::Access;
use crate::{Handle, Registered, Registrar, RegistrarError, Registration, check_ttl};

/// Handles are guessed by nobody: whoever has one can end the registration.
const HANDLE_BYTES: usize = 16;

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
    async fn register(
        &self,
        registration: &Registration,
        ttl: Duration,
    ) -> Result<Registered, RegistrarError> {
        registration.check()?;
        let ttl = check_ttl(ttl)?;
        let handle = random_handle()?;
        let registration = registration.clone();
        self.0
            .ask(move |table, now| {
                table.register(now, &registration, ttl, handle.clone())?;
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

fn random_handle() -> Result<Handle, RegistrarError> {
    let mut bytes = [0; HANDLE_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        RegistrarError::Unavailable(format!("no random bytes for a handle: {error}").into())
    })?;
    Ok(Handle::new(&bytes)?)
}
