//! The gRPC services beside `BalanceLoad`: health, reflection, inspection, control, registration.

mod control;
mod health;
mod inspect;
mod registration;

use std::sync::Arc;

use lookaside_core::TokenIssuer;
use lookaside_proto::{
    FILE_DESCRIPTOR_SET,
    lb::load_balancer_server,
    v1::{
        control_server::ControlServer, inspect_server::InspectServer,
        registration_server::RegistrationServer,
    },
};
use lookaside_registry::Registrar;
use tokio::sync::watch;
use tonic_reflection::{pb, server::Builder};

use self::{control::ControlService, inspect::InspectService, registration::RegistrationService};
use crate::{RegistrationLimits, balancer::Tasks, http::Routes, reload::Reloads, status::Status};

/// What a request may take: the largest has two names, an address, a zone and a handle.
/// tonic's 4 MiB are reserved as soon as a peer announces them, on each of its streams.
const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// Why the services cannot be had.
#[derive(Debug)]
pub(crate) enum GrpcError {
    /// There is nothing to register with.
    ReadOnly {
        url: String,
    },
    Reflection(String),
}

/// The services of each port.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) client: Routes,
    /// Control too.
    pub(crate) admin: Routes,
}

/// All services beside `BalanceLoad`. `registrar` is there if backends may register;
/// `tasks` get what the services need to have done.
pub(crate) fn services(
    status: Arc<Status>,
    tokens: watch::Receiver<TokenIssuer>,
    registrar: Option<Option<Arc<dyn Registrar>>>,
    limits: RegistrationLimits,
    reloads: Arc<Reloads>,
    tasks: &mut Tasks,
) -> Result<Services, GrpcError> {
    let (health, follow) = health::service(status.watch_readiness());
    tasks.spawn("health service", follow);
    let mut routes = Routes::default().with(health);
    if let Some(registrar) = registrar {
        let registrar = registrar.ok_or_else(|| GrpcError::ReadOnly {
            url: status.registry.url().to_owned(),
        })?;
        let service = RegistrationService::new(registrar, limits, Arc::clone(&status));
        let server = RegistrationServer::new(service).max_decoding_message_size(MAX_REQUEST_BYTES);
        routes = routes.with(server);
    }
    let control = ControlServer::new(ControlService::new(Arc::clone(&status), reloads))
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let inspect = InspectServer::new(InspectService::new(status, tokens))
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let client = routes.with(inspect);
    let reflected =
        |routes| with_reflection(routes).map_err(|error| GrpcError::Reflection(error.to_string()));
    Ok(Services {
        admin: reflected(client.clone().with(control))?,
        client: reflected(client)?,
    })
}

/// Adds server reflection in both versions: grpcurl and older tools ask for v1alpha.
fn with_reflection(routes: Routes) -> Result<Routes, tonic_reflection::server::Error> {
    let builder = || {
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The builder adds its own version only, but each lists both, and what is
            // listed must be described: `grpcurl describe` stops at what is not.
            .register_encoded_file_descriptor_set(pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(pb::v1alpha::FILE_DESCRIPTOR_SET)
            .with_service_name(load_balancer_server::SERVICE_NAME)
            .with_service_name(REFLECTION)
            .with_service_name(REFLECTION_ALPHA);
        routes.names().fold(builder, Builder::with_service_name)
    };
    let v1 = builder().build_v1()?;
    let v1alpha = builder().build_v1alpha()?;
    Ok(routes
        .with(v1.max_decoding_message_size(MAX_REQUEST_BYTES))
        .with(v1alpha.max_decoding_message_size(MAX_REQUEST_BYTES)))
}

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";
