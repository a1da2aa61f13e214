use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use lookaside_core::{BackendState, HostPort};
use lookaside_proto::v1::{self, registration_client::RegistrationClient};
use lookaside_registry::{Claim, Handle, Registered, Registrar, RegistrarError, Registration};
use tokio::{sync::Notify, time::timeout};
use tonic::{
    Code, Response, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    TargetError,
    connector::{Connector, Tls},
};

/// A balancer that has not answered by then is passed over for the next one. With the
/// default time to live of 10 s, three of them fit between two renewals.
const REQUEST_TIME: Duration = Duration::from_secs(1);

/// Proof of life on an idle connection, so that a balancer that vanished without a
/// word is noticed between two renewals.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Registers through balancers, one at a time: it stays with the one that answered
/// last, and moves on when that one fails. All of them must write the same registry for
/// a registration to survive the move; with separate ones the backend registers again.
#[derive(Debug)]
pub struct BalancerRegistrar {
    balancers: Vec<Balancer>,
    current: AtomicUsize,
    disconnected: Arc<Notify>,
}

#[derive(Debug)]
struct Balancer {
    address: HostPort,
    client: RegistrationClient<Channel>,
}

impl BalancerRegistrar {
    /// Connects when first asked for something. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The list is empty, or an address is none.
    pub fn new(balancers: impl IntoIterator<Item = HostPort>) -> Result<Self, TargetError> {
        Self::over(balancers, None)
    }

    /// As [`BalancerRegistrar::new`], in TLS.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "tls")]
    pub fn with_tls(
        balancers: impl IntoIterator<Item = HostPort>,
        tls: lookaside_tls::ClientTls,
    ) -> Result<Self, TargetError> {
        Self::over(balancers, Some(tls))
    }

    fn over(
        balancers: impl IntoIterator<Item = HostPort>,
        tls: Option<Tls>,
    ) -> Result<Self, TargetError> {
        let disconnected = Arc::new(Notify::new());
        let balancers = balancers
            .into_iter()
            .map(|address| {
                let bad = |reason: &dyn fmt::Display| {
                    TargetError::Address(address.clone(), reason.to_string().into())
                };
                address.clone().dialable().map_err(|error| bad(&error))?;
                let channel = Endpoint::from_shared(format!("http://{address}"))
                    .map_err(|error| bad(&error))?
                    .http2_keep_alive_interval(KEEPALIVE)
                    .keep_alive_timeout(KEEPALIVE_TIMEOUT)
                    .keep_alive_while_idle(true)
                    .connect_with_connector_lazy(Connector {
                        disconnected: Arc::clone(&disconnected),
                        timeout: REQUEST_TIME,
                        tls: tls.clone(),
                    });
                Ok(Balancer {
                    address,
                    client: RegistrationClient::new(channel),
                })
            })
            .collect::<Result<Vec<_>, TargetError>>()?;
        if balancers.is_empty() {
            return Err(TargetError::NoBalancer);
        }
        Ok(Self {
            balancers,
            current: AtomicUsize::new(0),
            disconnected,
        })
    }

    /// Rings when a connection that stood is gone.
    pub(crate) fn disconnected(&self) -> Arc<Notify> {
        Arc::clone(&self.disconnected)
    }

    /// Asks the balancers in turn, the current one first, until one answers for good.
    async fn ask<T, F>(
        &self,
        mut request: impl FnMut(RegistrationClient<Channel>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut failures = Vec::new();
        for _ in 0..self.balancers.len() {
            let current = self.current.load(Ordering::Relaxed) % self.balancers.len();
            let balancer = &self.balancers[current];
            let attempt = Attempt {
                registrar: self,
                current,
            };
            let status = match timeout(REQUEST_TIME, request(balancer.client.clone())).await {
                Ok(Ok(response)) => {
                    attempt.answered();
                    return Ok(response.into_inner());
                }
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded(format!("no answer within {REQUEST_TIME:?}")),
            };
            let failure = match status.code() {
                // FAILED_PRECONDITION: another process registers as this backend, later.
                Code::InvalidArgument | Code::FailedPrecondition => {
                    Failure::Refused(status.message().into())
                }
                Code::AlreadyExists => Failure::Taken(status.message().into()),
                Code::NotFound => Failure::Gone,
                _ => {
                    failures.push(format!("{}: {}", balancer.address, reason(&status)));
                    continue;
                }
            };
            attempt.answered();
            return Err(failure);
        }
        Err(Failure::Unavailable(failures.join("; ").into()))
    }
}

/// One attempt on one balancer, which is left for the next one unless it answers for good.
/// So it is when the attempt is dropped half way: whoever asks may have less patience, and
/// would meet the same silent balancer each time.
struct Attempt<'a> {
    registrar: &'a BalancerRegistrar,
    current: usize,
}

impl Attempt<'_> {
    fn answered(self) {
        std::mem::forget(self);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        // Two requests that fail together move on together.
        let _ = self.registrar.current.compare_exchange(
            self.current,
            (self.current + 1) % self.registrar.balancers.len(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }
}

/// What the balancers said, before it is known what was asked.
enum Failure {
    Refused(Arc<str>),
    Taken(Arc<str>),
    Gone,
    Unavailable(Arc<str>),
}

impl Failure {
    fn of(self, registration: &Registration) -> RegistrarError {
        match self {
            Self::Taken(message) => RegistrarError::Taken {
                service: registration.service.clone(),
                id: registration.id.clone(),
                holder: holder(&message),
            },
            other => other.into(),
        }
    }
}

impl From<Failure> for RegistrarError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(reason) => Self::Refused(reason),
            Failure::Gone => Self::Gone,
            Failure::Unavailable(reason) => Self::Unavailable(reason),
            // Only a registration can find the id taken.
            Failure::Taken(_) => Self::Unavailable("a balancer answered ALREADY_EXISTS".into()),
        }
    }
}

/// Who has the id, from a balancer's words (those of [`RegistrarError::Taken`]).
fn holder(message: &str) -> Arc<str> {
    let holder = message.split_once(" is registered by ");
    holder.map_or(message, |(_, holder)| holder).into()
}

/// The status in one line, down to the cause: tonic's own says "transport error".
fn reason(status: &Status) -> String {
    if status.code() == Code::Unimplemented {
        return "registration through this balancer is not enabled (registration.enabled)"
            .to_owned();
    }
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

fn instance(registration: &Registration) -> v1::Instance {
    v1::Instance {
        service: registration.service.to_string(),
        id: registration.id.to_string(),
        address: registration.address.to_string(),
        weight: Some(registration.weight),
        zone: registration.zone.as_deref().unwrap_or_default().to_owned(),
        draining: registration.state == BackendState::Draining,
    }
}

/// Durations on the wire are signed; a negative one grants nothing.
fn granted(ttl: Option<prost_types::Duration>) -> Duration {
    ttl.and_then(|ttl| ttl.try_into().ok()).unwrap_or_default()
}

#[async_trait]
impl Registrar for BalancerRegistrar {
    async fn claim(
        &self,
        registration: &Registration,
        ttl: Duration,
        claim: &Claim,
    ) -> Result<Registered, RegistrarError> {
        let request = v1::RegisterRequest {
            instance: Some(instance(registration)),
            // At most 24 h: it fits.
            ttl: ttl.try_into().ok(),
            owner_secret: claim.secret().to_vec(),
            request_id: claim.request().to_vec(),
            sequence: claim.sequence(),
        };
        let response = self
            .ask(|mut client| {
                let request = request.clone();
                async move { client.register(request).await }
            })
            .await
            .map_err(|failure| failure.of(registration))?;
        Ok(Registered {
            handle: Handle::new(&response.handle)?,
            ttl: granted(response.ttl),
        })
    }

    async fn renew(&self, handle: &Handle) -> Result<Duration, RegistrarError> {
        let response = self
            .ask(|mut client| {
                let handle = handle.as_bytes().to_vec();
                async move { client.renew(v1::RenewRequest { handle }).await }
            })
            .await?;
        Ok(granted(response.ttl))
    }

    async fn update(
        &self,
        handle: &Handle,
        registration: &Registration,
    ) -> Result<(), RegistrarError> {
        let request = v1::UpdateRequest {
            handle: handle.as_bytes().to_vec(),
            instance: Some(instance(registration)),
        };
        self.ask(|mut client| {
            let request = request.clone();
            async move { client.update(request).await }
        })
        .await?;
        Ok(())
    }

    async fn deregister(&self, handle: &Handle) -> Result<(), RegistrarError> {
        self.ask(|mut client| {
            let handle = handle.as_bytes().to_vec();
            async move { client.deregister(v1::DeregisterRequest { handle }).await }
        })
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
