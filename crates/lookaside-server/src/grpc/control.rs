mod audit;
mod end_streams;
mod reach;
mod reload;
mod request;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_core::{Override, OverrideNote, OverrideTarget, Place, ServiceName};
use lookaside_proto::v1::{
    ClearOverrideRequest, ClearOverrideResponse, EndStreamsRequest, ListOverridesRequest,
    ListOverridesResponse, ReloadRequest, ReloadResponse, SetOverrideRequest, SetOverrideResponse,
    control_server,
};
use lookaside_registry::{OverrideError, OverrideWriter, Unsaved};
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use self::{
    audit::{Audit, Order},
    end_streams::ProgressStream,
    reach::Reach,
};
use super::inspect::described_override;
use crate::{
    Permission::Control, access::peer_of, end_streams::EndStreams, reload::Reloads, status,
};

/// How long an order waits for the registry, which may still carry it out after that. The
/// command line gives up after 5 s, and is to hear before that who does not answer.
const WRITE_TIME: Duration = Duration::from_secs(4);

/// Takes operators' orders.
#[derive(Debug)]
pub(super) struct ControlService {
    status: Arc<status::Status>,
    writer: Option<Arc<dyn OverrideWriter>>,
    reloads: Arc<Reloads>,
    end_streams: Arc<EndStreams>,
    audit: Arc<Audit>,
}

impl ControlService {
    pub(super) fn new(status: Arc<status::Status>, reloads: Arc<Reloads>) -> Self {
        Self {
            writer: status.registry.override_writer(),
            status,
            reloads,
            end_streams: Arc::default(),
            audit: Arc::default(),
        }
    }

    fn writer(&self) -> Result<&dyn OverrideWriter, Status> {
        self.writer.as_deref().ok_or_else(|| {
            Status::unimplemented(format!("{} takes no overrides", self.status.registry.url()))
        })
    }

    /// Most places where nobody is are misspelt.
    fn check_reached(&self, place: &Place, reach: &Reach) -> Result<(), Status> {
        if reach.backends > 0 {
            return Ok(());
        }
        Err(Status::not_found(format!("no backend is at {place}")))
    }

    /// Most names that nothing is registered by are misspelt.
    fn check_known(&self, service: &ServiceName, target: &OverrideTarget) -> Result<(), Status> {
        let state = self.status.registry_state();
        let backends = state.backends.as_ref();
        let known = backends.and_then(|snapshot| snapshot.services.get(service));
        let Some(known) = known else {
            return Err(Status::not_found(format!(
                "service {service} is not registered"
            )));
        };
        let Some(id) = target.backend() else {
            return Ok(());
        };
        if known.backends.iter().any(|backend| backend.id == *id) {
            return Ok(());
        }
        Err(Status::not_found(format!(
            "service {service} has no backend {id}"
        )))
    }
}

impl ControlService {
    async fn set(
        &self,
        request: Request<SetOverrideRequest>,
        order: &mut Order,
    ) -> Result<SetOverrideResponse, Status> {
        let asked = request.get_ref();
        let is_of_all = request::is_of_all(asked.order.as_ref());
        let service = request::service_for(peer_of(&request)?, &asked.service, is_of_all)?;
        order.service = service.to_string();
        let request = request.into_inner();
        let value = request::order(request.order)?;
        let target = value.target();
        order.about(&target);
        order.value = described_value(&value);
        let ttl = request::ttl(request.ttl)?;
        order.ttl = ttl;
        let at = SystemTime::now();
        let note = OverrideNote {
            at: Some(at),
            expires: ttl.and_then(|ttl| at.checked_add(ttl)),
            ..request::note(&request.by, &request.reason)?
        };
        // What is wrong with these is wrong whatever is registered.
        OverrideError::check(&note, ttl).map_err(refused)?;
        let reach = target.place().map(|it| Reach::of(it, &self.status.table));
        match (target.place(), &reach) {
            _ if request.absent_ok => {}
            (Some(place), Some(reach)) => self.check_reached(place, reach)?,
            _ => self.check_known(&service, &target)?,
        }
        let expected = request.expected_revision;
        let writer = self.writer()?;
        let put = writer.put(&service, &value, &note, ttl, expected);
        let revision = written(put).await?;
        order.revision = Some(revision);
        let unsaved = writer.saved().await.err().map(|it| it.to_string());
        let warnings = reach.and_then(|it| it.warning()).into_iter().chain(unsaved);
        order.warning = warnings.collect::<Vec<_>>().join("; ");
        Ok(SetOverrideResponse {
            revision,
            warning: order.warning.clone(),
        })
    }

    async fn clear(
        &self,
        request: Request<ClearOverrideRequest>,
        order: &mut Order,
    ) -> Result<ClearOverrideResponse, Status> {
        let asked = request.get_ref();
        let is_of_all = request::ends_for_all(asked.kind());
        let service = request::service_for(peer_of(&request)?, &asked.service, is_of_all)?;
        order.service = service.to_string();
        let request = request.into_inner();
        let target = request::target(request.kind(), &request.backend, &request.place)?;
        order.about(&target);
        request::note(&request.by, &request.reason)?;
        let writer = self.writer()?;
        let delete = writer.delete(&service, &target, request.expected_revision);
        let cleared = written(delete).await?;
        order.warning = match writer.saved().await {
            // What is in memory alone is not brought back.
            Ok(()) | Err(Unsaved::MemoryOnly) => String::new(),
            Err(unsaved) => unsaved.to_string(),
        };
        Ok(ClearOverrideResponse {
            cleared,
            warning: order.warning.clone(),
        })
    }
}

#[tonic::async_trait]
impl control_server::Control for ControlService {
    type EndStreamsStream = ProgressStream;

    async fn end_streams(
        &self,
        request: Request<EndStreamsRequest>,
    ) -> Result<Response<ProgressStream>, Status> {
        let it = request.get_ref();
        let mut order = Order::new("end_streams", &request, &it.by, &it.reason);
        order.service.clone_from(&it.service);
        let (table, all) = (&self.status.table, &self.end_streams);
        match end_streams::begin(table, all, request, &mut order).await {
            Ok(begun) => Ok(Response::new(begun.run(order, Arc::clone(&self.audit)))),
            Err(refusal) => {
                let refused = Err(refusal);
                self.audit.close(&order, &refused, "refused");
                refused
            }
        }
    }

    async fn set_override(
        &self,
        request: Request<SetOverrideRequest>,
    ) -> Result<Response<SetOverrideResponse>, Status> {
        let it = request.get_ref();
        let mut order = Order::new("set_override", &request, &it.by, &it.reason);
        order.service.clone_from(&it.service);
        let result = self.set(request, &mut order).await;
        self.audit.close(&order, &result, "done");
        result.map(Response::new)
    }

    async fn clear_override(
        &self,
        request: Request<ClearOverrideRequest>,
    ) -> Result<Response<ClearOverrideResponse>, Status> {
        let it = request.get_ref();
        let mut order = Order::new("clear_override", &request, &it.by, &it.reason);
        order.service.clone_from(&it.service);
        let result = self.clear(request, &mut order).await;
        let there_was_none = result.as_ref().is_ok_and(|it| !it.cleared);
        let done = if there_was_none { "nothing" } else { "done" };
        self.audit.close(&order, &result, done);
        result.map(Response::new)
    }

    async fn reload(
        &self,
        request: Request<ReloadRequest>,
    ) -> Result<Response<ReloadResponse>, Status> {
        let it = request.get_ref();
        let mut order = Order::new("reload", &request, &it.by, &it.reason);
        let result = reload::reload(&self.reloads, request, &mut order).await;
        self.audit.close(&order, &result, "done");
        result.map(Response::new)
    }

    async fn list_overrides(
        &self,
        request: Request<ListOverridesRequest>,
    ) -> Result<Response<ListOverridesResponse>, Status> {
        let peer = peer_of(&request)?;
        let only = match request.get_ref().service.as_str() {
            "" => {
                peer.check_some(Control)?;
                None
            }
            name => {
                let service = request::service(name)?;
                peer.check(Control, service.as_str())?;
                Some(service)
            }
        };
        let state = self.status.registry_state();
        let services = state.overrides.iter().flat_map(|it| it.services.iter());
        let may_all = peer.check_all(Control).is_ok();
        let may = |service: &ServiceName| match service.is_all() {
            true => may_all,
            false => peer.may(Control, service.as_str()),
        };
        let visible = services
            .filter(|(service, _)| only.as_ref().is_none_or(|only| only == *service))
            .filter(|(service, _)| may(service));
        let overrides = visible.flat_map(|(service, overrides)| {
            let all = overrides.iter();
            all.map(|(order, note)| described_override(service, &order, note))
        });
        Ok(Response::new(ListOverridesResponse {
            overrides: overrides.collect(),
        }))
    }
}

/// As people write it.
pub(super) fn described_value(order: &Override) -> String {
    match order {
        Override::Weight(_, weight) => weight.to_string(),
        Override::Drain(_) => "true".to_owned(),
        Override::Drops(drops) => super::inspect::described_drops(drops),
        Override::Fallback(fallback) => fallback.to_string(),
        Override::Cordon(place) => place.name(),
    }
}

/// Waits for a registry's word as long as whoever ordered it waits for ours.
async fn written<T>(write: impl Future<Output = Result<T, OverrideError>>) -> Result<T, Status> {
    let answer = timeout(WRITE_TIME, write).await;
    answer.map_or_else(
        |_| {
            Err(Status::deadline_exceeded(format!(
                "the registry has not acknowledged it within {WRITE_TIME:?}"
            )))
        },
        |answer| answer.map_err(refused),
    )
}

fn refused(error: OverrideError) -> Status {
    let text = error.to_string();
    match error {
        OverrideError::Conflict { .. } => Status::aborted(text),
        OverrideError::Invalid(_) => Status::invalid_argument(text),
        OverrideError::Full(_) => Status::resource_exhausted(text),
        // Not PERMISSION_DENIED: whoever orders it may; the balancer may not.
        OverrideError::Denied(_) => Status::failed_precondition(text),
        // Also whatever a later registry may fail with: it can be tried again.
        _ => Status::unavailable(text),
    }
}
