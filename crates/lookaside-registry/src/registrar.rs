use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use lookaside_core::{BackendId, ServiceName};

use crate::{Claim, Handle, Registration, RegistrationError};

/// Records backends, each for as long as it is renewed.
#[async_trait]
pub trait Registrar: fmt::Debug + Send + Sync + 'static {
    /// Records a backend for `ttl`, or what the registry grants instead. The same claim
    /// again is the same registration: it is kept as it is, so that a request can be
    /// repeated when its answer was lost.
    ///
    /// # Errors
    /// [`RegistrarError::Taken`] when a live registration of somebody else has the id
    /// ([`Owner::yields_to`](crate::Owner::yields_to)); [`RegistrarError::Outdated`] when
    /// a later one of the same owner has it.
    async fn claim(
        &self,
        registration: &Registration,
        ttl: Duration,
        claim: &Claim,
    ) -> Result<Registered, RegistrarError>;

    /// [`Registrar::claim`] for somebody new.
    ///
    /// # Errors
    /// As [`Registrar::claim`].
    async fn register(
        &self,
        registration: &Registration,
        ttl: Duration,
    ) -> Result<Registered, RegistrarError> {
        self.claim(registration, ttl, &Claim::new()?).await
    }

    /// Starts the time to live again; returns what was granted. Any process with the
    /// same registry can do it.
    ///
    /// # Errors
    /// [`RegistrarError::Gone`] when there is nothing to renew: register again.
    async fn renew(&self, handle: &Handle) -> Result<Duration, RegistrarError>;

    /// Replaces weight, zone and state of a live registration.
    ///
    /// # Errors
    /// [`RegistrarError::Gone`] as for [`Registrar::renew`].
    async fn update(
        &self,
        handle: &Handle,
        registration: &Registration,
    ) -> Result<(), RegistrarError>;

    /// Ends a registration. One that is gone already is no error.
    ///
    /// # Errors
    /// Only when the registry could not be asked.
    async fn deregister(&self, handle: &Handle) -> Result<(), RegistrarError>;
}

/// A registration that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Names it from now on.
    pub handle: Handle,
    /// How long it lives without a renewal.
    pub ttl: Duration,
}

/// Why a registry did not do what a [`Registrar`] was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrarError {
    /// The request itself is wrong.
    #[error(transparent)]
    Invalid(#[from] RegistrationError),
    /// The request is wrong in the words of a registrar elsewhere.
    #[error("refused: {0}")]
    Refused(Arc<str>),
    /// The id belongs to a live registration of somebody else.
    #[error("backend {id} of service {service} is registered by {holder}")]
    Taken {
        /// The service.
        service: ServiceName,
        /// The id in question.
        id: BackendId,
        /// Who has it, and with which address, as far as that is known.
        holder: Arc<str>,
    },
    /// A later registration of the same owner has the id: this request is an old one that
    /// was sent again, or late, or the owner's clock went back.
    #[error(
        "backend {id} of service {service} was registered by the same owner with sequence \
         {latest}; this request is an earlier one, with {sequence}, and changes nothing"
    )]
    Outdated {
        /// The service.
        service: ServiceName,
        /// The id in question.
        id: BackendId,
        /// That of the request.
        sequence: u64,
        /// That of the registration.
        latest: u64,
    },
    /// The registry takes no more.
    #[error("{what}: the limit of {limit} is reached")]
    Full {
        /// Of what there are so many, as in "registrations of service orders".
        what: Arc<str>,
        /// How many it takes.
        limit: usize,
    },
    /// Expired, deregistered, or never there.
    #[error("the registration is gone")]
    Gone,
    /// The registry lets nobody write it whom it knows this process as. That may change.
    #[error("the registry denies its user the right to write it: {0}")]
    Denied(Arc<str>),
    /// The registry cannot be written just now.
    #[error("the registry cannot be written: {0}")]
    Unavailable(Arc<str>),
}
