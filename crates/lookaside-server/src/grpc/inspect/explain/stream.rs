use lookaside_core::{List, SlotRef, rotation};
use lookaside_proto::v1;
use tonic::Status;

use super::super::count;
use crate::table::Published;

/// How many streams are explained: a person compares a few.
const MAX_STREAMS: u32 = 20;

/// Whose lists are to be explained.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    None,
    Peer(v1::ListStreamsRequest),
    Stream(u64),
}

impl Wanted {
    /// # Errors
    /// INVALID_ARGUMENT for both.
    pub(super) fn new(request: &v1::ExplainRequest) -> Result<Self, Status> {
        match (&*request.peer, request.stream) {
            ("", 0) => Ok(Self::None),
            (peer, 0) => Ok(Self::Peer(v1::ListStreamsRequest {
                limit: MAX_STREAMS,
                peer: peer.to_owned(),
                ..v1::ListStreamsRequest::default()
            })),
            ("", stream) => Ok(Self::Stream(stream)),
            _ => Err(Status::invalid_argument(
                "give a peer or a stream, not both",
            )),
        }
    }
}

/// What this client's list says of a backend.
pub(super) fn explain(
    stream: v1::Stream,
    backend: &v1::Backend,
    published: &Published,
    list: Option<&List>,
) -> v1::ExplainedStream {
    let is_this = stream.plan_version == published.plan_version;
    let Some(list) = list.filter(|_| is_this && stream.plan == "slots") else {
        let text = match &*stream.plan {
            "nothing" => "it was sent nothing yet".to_owned(),
            "fallback" => "it was told to fall back: its client uses the addresses of its own \
                           resolver"
                .to_owned(),
            _ => format!(
                "it has plan {}, not {}: {}",
                stream.plan_version, published.plan_version, stream.reason
            ),
        };
        return v1::ExplainedStream {
            stream: Some(stream),
            text,
            ..v1::ExplainedStream::default()
        };
    };
    let slots = list.slots();
    let rotation = usize::try_from(stream.rotation).unwrap_or_default();
    let start = rotation::start(slots.len(), rotation);
    let mut round = slots[start..].iter().chain(&slots[..start]);
    let name = |slot: SlotRef<'_>| match slot {
        SlotRef::Endpoint(endpoint) => endpoint.id().to_string(),
        SlotRef::Drop(drop) => drop.category.to_string(),
    };
    let first = round.clone().next().map(|slot| name(list.slot(*slot)));
    let first = first.unwrap_or_default();
    let is_backend = |slot: &lookaside_core::Slot| match list.slot(*slot) {
        SlotRef::Endpoint(endpoint) => endpoint.id().as_str() == backend.id,
        SlotRef::Drop(_) => false,
    };
    let before = round.position(is_backend).map(count);
    let id = &backend.id;
    let then = match before {
        None => format!("{id} is not in it"),
        Some(0) => format!("that is {id}"),
        Some(1) => format!("{id} is next"),
        Some(before) => format!("{id} comes after {before} calls"),
    };
    v1::ExplainedStream {
        is_current: true,
        first_slot: count(start),
        text: format!(
            "its list begins at slot {start} of {}, with {first}: {then}",
            slots.len()
        ),
        first,
        calls_before: before,
        stream: Some(stream),
    }
}
