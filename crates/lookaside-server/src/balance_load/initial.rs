use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use http_body::Body;
use lookaside_core::ServiceName;
use lookaside_proto::lb::{
    LoadBalanceRequest, load_balance_request::LoadBalanceRequestType as Kind,
};
use prost::Message;
use tokio::time::timeout;
use tonic::Status;

use super::{
    frame_reader::FrameReader,
    refusal::{Reason, Refusal},
};

/// Reads a stream's first message: the services that the client may mean, the likeliest
/// first.
///
/// # Errors
/// What to refuse the stream with.
pub(super) async fn read_initial<B>(
    reader: &mut FrameReader,
    body: &mut B,
    patience: Duration,
) -> Result<Vec<ServiceName>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let message = timeout(patience, poll_fn(|cx| reader.poll_message(body, cx)))
        .await
        .map_err(|_| {
            let why = format!("no initial request within {patience:?}");
            Refusal::new(Reason::Silent, Status::deadline_exceeded(why))
        })?
        .ok_or_else(|| {
            let why = "the request ended without an initial request";
            Refusal::new(Reason::Request, Status::invalid_argument(why))
        })?;
    let names = message.map_err(Status::from).and_then(names);
    names.map_err(|status| Refusal::new(Reason::Request, status))
}

fn names(message: Bytes) -> Result<Vec<ServiceName>, Status> {
    let request = LoadBalanceRequest::decode(message).map_err(|error| {
        Status::invalid_argument(format!(
            "the first message is no LoadBalanceRequest: {error}"
        ))
    })?;
    match request.load_balance_request_type {
        Some(Kind::InitialRequest(initial)) => ServiceName::candidates(&initial.name)
            .map_err(|error| Status::invalid_argument(error.to_string())),
        Some(Kind::ClientStats(_)) => Err(Status::invalid_argument(
            "the first message is a load report; expected an initial request",
        )),
        None => Err(Status::invalid_argument(
            "the first message is empty; expected an initial request",
        )),
    }
}
