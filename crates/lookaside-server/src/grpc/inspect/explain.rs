//! Why a backend has the share it has, in words a person reads: all that goes into it, in
//! the order in which it is worked out.

mod find;
mod share;
mod steps;
mod stream;

use std::{slice, sync::Arc};

use lookaside_core::{Plan, TokenIssuer};
use lookaside_proto::v1;
use tonic::Status;

use self::{share::Share, stream::Wanted};
use super::{describe::describe_published, streams};
use crate::table::{Entry, StreamId};

/// # Errors
/// NOT_FOUND with the backend or stream that is not there, INVALID_ARGUMENT with what
/// cannot be one.
pub(super) async fn explain(
    entry: &Arc<Entry>,
    request: &v1::ExplainRequest,
    issuer: &TokenIssuer,
) -> Result<v1::ExplainResponse, Status> {
    let wanted = Wanted::new(request)?;
    let published = entry
        .published()
        .ok_or_else(|| Status::not_found(format!("no service {} is known", entry.name())))?;
    let described = describe_published(entry, &published, issuer);
    let backend = find::find(&described, &request.backend)?;
    let list = match &*published.plan {
        Plan::List(list) => Some(list),
        Plan::Fallback(_) => None,
    };
    let share = Share::new(&backend, list);
    let steps = steps::steps(&backend, &described, &published, &share);
    let mut response = v1::ExplainResponse {
        service: described.name.clone(),
        summary: share.summary(&backend, &described),
        steps,
        registered_weight: steps::registered_weight(&backend, &published),
        weight: backend.weight,
        total_weight: share.total_weight,
        exact_percent: share.exact_percent,
        slots: backend.slots,
        backend_slots: share.backend_slots,
        list_slots: described.slots,
        share_percent: share.percent,
        share_of_all_percent: share.percent_of_all,
        plan: described.plan.clone(),
        plan_version: described.plan_version,
        backend: None,
        streams: Vec::new(),
        streams_total: 0,
    };
    let (found, total) = match wanted {
        Wanted::None => (Vec::new(), 0),
        Wanted::Peer(request) => {
            let found = streams::list(slice::from_ref(entry), &request).await?;
            (found.streams, found.total)
        }
        Wanted::Stream(id) => {
            let record = entry.open_streams().get(StreamId(id));
            let gone = || Status::not_found(format!("{} has no stream {id}", entry.name()));
            (
                vec![streams::describe(entry, &*record.ok_or_else(gone)?)],
                1,
            )
        }
    };
    response.streams_total = total;
    response.streams = found
        .into_iter()
        .map(|stream| stream::explain(stream, &backend, &published, list))
        .collect();
    response.backend = Some(backend);
    Ok(response)
}
