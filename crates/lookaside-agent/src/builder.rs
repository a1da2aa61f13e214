use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use fastrand::Rng;
use lookaside_core::{
    AddressError, BackendId, BackendState, DEFAULT_WEIGHT, HostPort, NameError, ServiceName,
};
use lookaside_registry::{DEFAULT_TTL, Registration, RegistrationError, check_ttl};
use tokio::sync::watch;

use crate::{
    Agent, AgentState, Target,
    claims::Claims,
    task::{Task, Wanted},
};

/// How long a drain waits between announcing it and taking the backend out, so that
/// clients have their new list before it stops answering: a balancer merges changes
/// for up to 1 s, and a registry and a network take their time. Short enough to leave
/// the calls in flight most of the 10 s that `docker stop` gives a process.
pub const DEFAULT_DRAIN_TIME: Duration = Duration::from_secs(3);

/// Why an agent cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The service name or the id.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The address, which clients must be able to dial.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The zone or the time to live.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
}

/// Describes a backend; see [`Agent::builder`].
#[derive(Clone, Debug)]
pub struct AgentBuilder {
    service: String,
    address: String,
    id: Option<String>,
    weight: u32,
    zone: Option<Arc<str>>,
    ttl: Duration,
    drain_time: Duration,
}

impl Agent {
    /// Describes a backend of `service` that clients dial at `address`, `host:port`.
    pub fn builder(service: impl Into<String>, address: impl ToString) -> AgentBuilder {
        AgentBuilder {
            service: service.into(),
            address: address.to_string(),
            id: None,
            weight: DEFAULT_WEIGHT,
            zone: None,
            ttl: DEFAULT_TTL,
            drain_time: DEFAULT_DRAIN_TIME,
        }
    }
}

impl AgentBuilder {
    /// Its name within the service. Default: the address.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Its share of the calls relative to the service's other backends; 0: none.
    /// Default: 100.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Where it runs. Default: unsaid.
    #[must_use]
    pub fn zone(mut self, zone: impl Into<Arc<str>>) -> Self {
        let zone = zone.into();
        self.zone = (!zone.is_empty()).then_some(zone);
        self
    }

    /// How long the registry keeps it when it is not heard of. Default: 10 s, which
    /// is renewed every 3.3 s.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long [`Agent::drain`] waits for clients to get their new list. Default:
    /// [`DEFAULT_DRAIN_TIME`].
    #[must_use]
    pub fn drain_time(mut self, drain_time: Duration) -> Self {
        self.drain_time = drain_time;
        self
    }

    /// The backend's service and id, as tokens name it:
    /// [`TokenCheckBuilder::backend`](crate::TokenCheckBuilder::backend).
    ///
    /// # Errors
    /// The service, id or address is wrong.
    pub fn identity(&self) -> Result<(ServiceName, BackendId), AgentError> {
        let service = ServiceName::new(&self.service)?;
        let id = match &self.id {
            Some(id) => BackendId::new(id)?,
            None => BackendId::new(&self.address()?.to_string())?,
        };
        Ok((service, id))
    }

    fn address(&self) -> Result<HostPort, AgentError> {
        Ok(self.address.parse::<HostPort>()?.dialable()?)
    }

    /// Starts to register with `target`. Returns at once: [`Agent::registered`] waits.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The service, id, address, zone or time to live is wrong.
    pub fn register(self, target: Target) -> Result<Agent, AgentError> {
        let (service, id) = self.identity()?;
        let registration = Registration {
            service,
            id,
            address: self.address()?,
            weight: self.weight,
            zone: self.zone,
            state: BackendState::Serving,
        };
        registration.check()?;
        let ttl = check_ttl(self.ttl)?;
        let (wanted, wanted_rx) = watch::channel(Wanted {
            registration,
            end: false,
        });
        let (state, state_rx) = watch::channel(AgentState::Registering { error: None });
        let task = Task {
            registrar: target.registrar,
            nudge: target.nudge,
            ttl,
            wanted: wanted_rx,
            state,
            registering: watch::Sender::new(false),
            rng: Rng::new(),
            claims: Claims::new(SystemTime::now()),
        };
        Ok(Agent::start(task, wanted, state_rx, self.drain_time))
    }
}
