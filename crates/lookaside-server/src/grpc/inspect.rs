mod about;
mod describe;
mod ejected;
mod explain;
mod policy;
mod stream;
mod streams;
mod suspect;
mod token;

use std::sync::Arc;

use lookaside_core::{KeyRing, Plan, ServiceName, TokenIssuer};
use lookaside_proto::v1::{
    ExplainRequest, ExplainResponse, FindTokenRequest, FindTokenResponse, GetConfigurationRequest,
    GetConfigurationResponse, GetServiceRequest, GetStatusRequest, GetStatusResponse,
    ListServicesRequest, ListServicesResponse, ListStreamsRequest, ListStreamsResponse, Registry,
    Service, ServiceSummary, WatchServiceRequest, inspect_server, registry::State,
};
use lookaside_registry::Freshness;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use self::{describe::describe, stream::ServiceStream};
pub(super) use self::{
    policy::{described_drops, described_override},
    streams::PeerFilter,
};
use crate::{
    Permission::Inspect,
    access::peer_of,
    status::{self, as_of},
    table::Entry,
};

/// How many keys of no service are shown: enough to see what writes them.
const MOST_STRAYS: usize = 100;

/// Says what the balancer knows and does, for people.
#[derive(Debug)]
pub(super) struct InspectService {
    status: Arc<status::Status>,
    tokens: watch::Receiver<TokenIssuer>,
}

impl InspectService {
    pub(super) fn new(status: Arc<status::Status>, tokens: watch::Receiver<TokenIssuer>) -> Self {
        Self { status, tokens }
    }

    fn key_ids(&self) -> Vec<String> {
        let issuer = self.tokens.borrow();
        let keys = issuer.keys().map_or(&[][..], KeyRing::keys);
        keys.iter().map(|key| key.id().to_string()).collect()
    }

    fn registry(&self) -> Registry {
        let state = self.status.registry_state();
        let (progress, error) = match &state.freshness {
            Freshness::Connecting { error, .. } => (State::Connecting, error.clone()),
            Freshness::Synced { .. } => (State::Synced, None),
            Freshness::Stale { error, .. } => (State::Stale, Some(error.clone())),
        };
        Registry {
            url: self.status.registry.url().to_owned(),
            state: progress.into(),
            revision: state.backends.as_ref().map_or(0, |it| it.revision),
            age: as_of(&state.freshness).and_then(|as_of| as_of.elapsed().try_into().ok()),
            error: error.as_deref().unwrap_or_default().to_owned(),
        }
    }
}

impl InspectService {
    /// The services that whoever asks may see.
    fn visible<T>(&self, request: &Request<T>) -> Result<Vec<Arc<Entry>>, Status> {
        let peer = peer_of(request)?;
        peer.check_some(Inspect)?;
        let mut services = self.status.table.all();
        services.retain(|entry| peer.may(Inspect, entry.name().as_str()));
        Ok(services)
    }
}

#[tonic::async_trait]
impl inspect_server::Inspect for InspectService {
    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let peer = peer_of(&request)?;
        peer.check_some(Inspect)?;
        let strays = self.status.stray_problems(MOST_STRAYS);
        let readiness = self.status.readiness();
        let ready = readiness.is_ready();
        Ok(Response::new(GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready,
            not_ready_reason: if ready {
                String::new()
            } else {
                readiness.to_string()
            },
            registry: Some(self.registry()),
            started_at: Some(self.status.started_at.into()),
            uptime: self.status.started.elapsed().try_into().ok(),
            services: count(self.status.table.len()),
            open_streams: count(self.status.streams()),
            problems: count(self.status.problems()),
            token_keys: self.key_ids(),
            build: Some(about::build(&self.status.about.build)),
            // Their names are of any service.
            stray_problems: match peer.check_all(Inspect) {
                Ok(()) => strays.iter().map(describe::problem).collect(),
                Err(_) => Vec::new(),
            },
        }))
    }

    async fn list_services(
        &self,
        request: Request<ListServicesRequest>,
    ) -> Result<Response<ListServicesResponse>, Status> {
        let visible = self.visible(&request)?;
        Ok(Response::new(ListServicesResponse {
            services: visible.iter().map(|entry| summary(entry)).collect(),
        }))
    }

    async fn get_service(
        &self,
        request: Request<GetServiceRequest>,
    ) -> Result<Response<Service>, Status> {
        let names = candidates(&request, &request.get_ref().name)?;
        let found = self.status.table.find(&names);
        let described = found.and_then(|entry| describe(&entry, &self.tokens.borrow()));
        described.map(Response::new).ok_or_else(|| unknown(&names))
    }

    type WatchServiceStream = ServiceStream;

    async fn watch_service(
        &self,
        request: Request<WatchServiceRequest>,
    ) -> Result<Response<ServiceStream>, Status> {
        let names = candidates(&request, &request.get_ref().name)?;
        let table = Arc::clone(&self.status.table);
        let stream = ServiceStream::new(table, names, self.tokens.clone());
        Ok(Response::new(stream))
    }

    async fn list_streams(
        &self,
        request: Request<ListStreamsRequest>,
    ) -> Result<Response<ListStreamsResponse>, Status> {
        let services = if request.get_ref().service.is_empty() {
            self.visible(&request)?
        } else {
            let names = candidates(&request, &request.get_ref().service)?;
            // Also one that only its clients know.
            let found = names.iter().find_map(|name| self.status.table.get(name));
            vec![found.ok_or_else(|| unknown(&names))?]
        };
        let streams = streams::list(&services, request.get_ref()).await?;
        Ok(Response::new(streams))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let names = candidates(&request, &request.get_ref().service)?;
        let entry = self.status.table.find(&names);
        let entry = entry.ok_or_else(|| unknown(&names))?;
        let issuer = self.tokens.borrow().clone();
        let explained = explain::explain(&entry, request.get_ref(), &issuer).await;
        explained.map(Response::new)
    }

    async fn get_configuration(
        &self,
        request: Request<GetConfigurationRequest>,
    ) -> Result<Response<GetConfigurationResponse>, Status> {
        peer_of(&request)?.check_some(Inspect)?;
        let keys = &self.status.about.configuration;
        Ok(Response::new(about::configuration(keys)))
    }

    async fn find_token(
        &self,
        request: Request<FindTokenRequest>,
    ) -> Result<Response<FindTokenResponse>, Status> {
        let visible = self.visible(&request)?;
        let token = request.into_inner().token;
        let found = token::find(&token, &visible, &self.tokens.borrow());
        found.map(Response::new)
    }
}

/// The services that `name` may mean, as far as whoever asks may see them.
fn candidates<T>(request: &Request<T>, name: &str) -> Result<Vec<ServiceName>, Status> {
    let peer = peer_of(request)?;
    let mut names = ServiceName::candidates(name)
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    names.retain(|name| peer.may(Inspect, name.as_str()));
    if names.is_empty() {
        return Err(peer.refuse(Inspect, name));
    }
    Ok(names)
}

fn unknown(names: &[ServiceName]) -> Status {
    let name = names.last().map_or("", ServiceName::as_str);
    Status::not_found(format!("no service {name} is known"))
}

fn summary(entry: &Entry) -> ServiceSummary {
    let published = entry.published();
    let (plan, slots) = match published.as_ref().map(|published| &*published.plan) {
        Some(Plan::List(list)) => ("slots", list.slots().len()),
        Some(Plan::Fallback(_)) => ("fallback", 0),
        // Only its clients know it; they are in fallback.
        None => ("unknown", 0),
    };
    let problems = published.as_ref().map_or(0, |published| {
        published.service.problems.len()
            + usize::from(published.settings.problem.is_some())
            + published.overrides.problems.len()
    });
    let suspects = published.as_ref().map_or(0, |it| it.suspects.len());
    ServiceSummary {
        name: entry.name().to_string(),
        backends: count(published.map_or(0, |published| published.backends.len())),
        slots: count(slots),
        plan: plan.to_owned(),
        suspects: count(suspects),
        streams: entry.streams(),
        problems: count(problems),
        calls_started: entry.reports().started,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
