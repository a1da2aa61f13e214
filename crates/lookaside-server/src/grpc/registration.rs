mod bounds;
mod made;
mod pace;

use std::{sync::Arc, time::Duration};

use lookaside_core::{BackendId, BackendState, DEFAULT_WEIGHT, HostPort, ServiceName};
use lookaside_proto::v1::{
    DeregisterRequest, DeregisterResponse, Instance, RegisterRequest, RegisterResponse,
    RenewRequest, RenewResponse, UpdateRequest, UpdateResponse, registration_server,
};
use lookaside_registry::{
    Claim, DEFAULT_TTL, Handle, Registrar, RegistrarError, Registration, RegistrationError,
    check_ttl,
};
use tonic::{Request, Response, Status};

use self::bounds::Bounds;
use crate::{Permission::Register, RegistrationLimits, access::peer_of};

/// Lets backends register through this balancer.
#[derive(Debug)]
pub(super) struct RegistrationService {
    registrar: Arc<dyn Registrar>,
    bounds: Bounds,
    status: Arc<crate::status::Status>,
}

impl RegistrationService {
    pub(super) fn new(
        registrar: Arc<dyn Registrar>,
        limits: RegistrationLimits,
        status: Arc<crate::status::Status>,
    ) -> Self {
        Self {
            registrar,
            bounds: Bounds::new(limits),
            status,
        }
    }
}

#[tonic::async_trait]
impl registration_server::Registration for RegistrationService {
    async fn register(
        &self,
        request: Request<RegisterRequest>,
    ) -> Result<Response<RegisterResponse>, Status> {
        let registration = registration(&request, request.get_ref().instance.clone())?;
        let peer = peer_of(&request)?;
        let (from, identity) = (peer.address(), peer.identity());
        let request = request.into_inner();
        let ttl = ttl(request.ttl)?;
        let claim = Claim::received(&request.owner_secret, &request.request_id)
            .map_err(status)?
            .with_identity(identity)
            .with_sequence(request.sequence);
        let state = self.status.registry_state();
        self.bounds
            .admit(from, &registration, state.backends.as_deref())
            .await?;
        let registered = self
            .registrar
            .claim(&registration, ttl, &claim)
            .await
            .map_err(status)?;
        self.bounds.made(from, &registration, &registered);
        tracing::info!(
            service = %registration.service,
            backend = %registration.id,
            address = %registration.address,
            "backend registered"
        );
        Ok(Response::new(RegisterResponse {
            handle: registered.handle.as_bytes().to_vec(),
            ttl: proto_duration(registered.ttl),
        }))
    }

    async fn renew(
        &self,
        request: Request<RenewRequest>,
    ) -> Result<Response<RenewResponse>, Status> {
        let peer = peer_of(&request)?;
        peer.check_some(Register)?;
        let from = peer.address();
        let handle = handle(&request.into_inner().handle)?;
        let ttl = self.registrar.renew(&handle).await.map_err(status)?;
        self.bounds.renewed(from, &handle, ttl);
        Ok(Response::new(RenewResponse {
            ttl: proto_duration(ttl),
        }))
    }

    async fn update(
        &self,
        request: Request<UpdateRequest>,
    ) -> Result<Response<UpdateResponse>, Status> {
        let registration = registration(&request, request.get_ref().instance.clone())?;
        let handle = handle(&request.get_ref().handle)?;
        self.registrar
            .update(&handle, &registration)
            .await
            .map_err(status)?;
        Ok(Response::new(UpdateResponse {}))
    }

    async fn deregister(
        &self,
        request: Request<DeregisterRequest>,
    ) -> Result<Response<DeregisterResponse>, Status> {
        let peer = peer_of(&request)?;
        peer.check_some(Register)?;
        let from = peer.address();
        let handle = handle(&request.into_inner().handle)?;
        self.registrar.deregister(&handle).await.map_err(status)?;
        self.bounds.ended(from, &handle);
        Ok(Response::new(DeregisterResponse {}))
    }
}

/// What is to be recorded, if whoever asks may do so.
fn registration<T>(
    request: &Request<T>,
    instance: Option<Instance>,
) -> Result<Registration, Status> {
    let peer = peer_of(request)?;
    peer.check_some(Register)?;
    let instance = instance.ok_or_else(|| Status::invalid_argument("instance: missing"))?;
    let service = ServiceName::new(&instance.service).map_err(|e| bad("instance.service", e))?;
    peer.check(Register, service.as_str())?;
    let address: HostPort = instance
        .address
        .parse()
        .map_err(|e| bad("instance.address", e))?;
    let id = match instance.id.as_str() {
        "" => BackendId::new(&address.to_string()),
        id => BackendId::new(id),
    };
    let registration = Registration {
        service,
        id: id.map_err(|e| bad("instance.id", e))?,
        address,
        weight: instance.weight.unwrap_or(DEFAULT_WEIGHT),
        zone: (!instance.zone.is_empty()).then(|| instance.zone.into()),
        state: if instance.draining {
            BackendState::Draining
        } else {
            BackendState::Serving
        },
    };
    registration.check().map_err(|error| {
        let field = match &error {
            RegistrationError::Zone(_) => "instance.zone",
            _ => "instance.address",
        };
        bad(field, error)
    })?;
    Ok(registration)
}

fn ttl(ttl: Option<prost_types::Duration>) -> Result<Duration, Status> {
    let Some(ttl) = ttl else {
        return Ok(DEFAULT_TTL);
    };
    let ttl = Duration::try_from(ttl).map_err(|e| bad("ttl", e))?;
    check_ttl(ttl).map_err(|e| bad("ttl", e))
}

fn handle(bytes: &[u8]) -> Result<Handle, Status> {
    Handle::new(bytes).map_err(|e| bad("handle", e))
}

fn bad(field: &str, error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("{field}: {error}"))
}

fn status(error: RegistrarError) -> Status {
    let text = error.to_string();
    match error {
        RegistrarError::Invalid(_) | RegistrarError::Refused(_) => Status::invalid_argument(text),
        RegistrarError::Taken { .. } => Status::already_exists(text),
        RegistrarError::Outdated { .. } => Status::failed_precondition(text),
        RegistrarError::Full { .. } => Status::resource_exhausted(text),
        RegistrarError::Gone => Status::not_found(text),
        // Also whatever a later registry may fail with: it can be tried again.
        _ => Status::unavailable(text),
    }
}

/// `None` would need a time to live of 292 billion years.
fn proto_duration(ttl: Duration) -> Option<prost_types::Duration> {
    ttl.try_into().ok()
}
