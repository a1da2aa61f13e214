//! One call of `grpc.health.v1.Health/Check`, on a connection of its own.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use h2::{RecvStream, client};
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{CONTENT_TYPE, TE, USER_AGENT},
};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};

use super::{
    Target,
    error::{ProbeError, text},
};

const PATH: &str = "/grpc.health.v1.Health/Check";
const AGENT: &str = concat!("lookaside/", env!("CARGO_PKG_VERSION"));

/// An answer is a dozen bytes; what is longer is none.
const MAX_ANSWER: usize = 1024;

/// What a peer may send before anybody reads it: not much more than an answer.
const WINDOW: u32 = 4096;

/// Of response headers and trailers together, each. A status message may be long.
const MAX_HEADER_LIST: u32 = 16 * 1024;

/// A gRPC message's prefix: not compressed, four bytes of length.
const PREFIX: usize = 5;

/// Asks for the health of `service` (empty: of the server as a whole).
pub(super) async fn check<IO>(
    io: IO,
    target: &Target,
    scheme: &str,
    service: &Arc<str>,
    timeout: Duration,
) -> Result<(), ProbeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (sender, mut connection) = client::Builder::new()
        .enable_push(false)
        .initial_window_size(WINDOW)
        .max_header_list_size(MAX_HEADER_LIST)
        .handshake::<_, Bytes>(io)
        .await
        .map_err(failure)?;
    let request = request(target, scheme, timeout)?;
    let call = call(sender, request, message(service), service);
    tokio::pin!(call);
    tokio::select! {
        biased;
        answer = &mut call => answer,
        // The call has been told how the connection ended, or has its answer.
        _ = &mut connection => call.await,
    }
}

fn request(target: &Target, scheme: &str, timeout: Duration) -> Result<Request<()>, ProbeError> {
    let uri = format!("{scheme}://{}{PATH}", target.authority());
    let built = Request::post(uri)
        .header(TE, "trailers")
        .header(CONTENT_TYPE, "application/grpc")
        .header(USER_AGENT, AGENT)
        // At most eight digits (gRPC over HTTP/2, "Timeout").
        .header(
            "grpc-timeout",
            format!("{}m", timeout.as_millis().min(99_999_999)),
        )
        .body(());
    // A registered host name that is no authority of a URI.
    built.map_err(|error| ProbeError::Connect(text(error)))
}

fn message(service: &str) -> Bytes {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let len = request.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + len);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    bytes.put_slice(&request.encode_to_vec());
    bytes.freeze()
}

async fn call(
    sender: client::SendRequest<Bytes>,
    request: Request<()>,
    message: Bytes,
    service: &Arc<str>,
) -> Result<(), ProbeError> {
    let mut sender = sender.ready().await.map_err(failure)?;
    let (response, mut body) = sender.send_request(request, false).map_err(failure)?;
    body.send_data(message, true).map_err(failure)?;
    let response = response.await.map_err(failure)?;
    is_grpc(&response)?;
    if let Some(status) = Status::from_header_map(response.headers()) {
        // It ended without a message.
        return Err(match status.code() {
            Code::Ok => ProbeError::Protocol("OK without an answer".into()),
            _ => failed(&status, service),
        });
    }
    let (answer, trailers) = read(response.into_body()).await?;
    match Status::from_header_map(&trailers) {
        Some(status) if status.code() == Code::Ok => verdict(&answer),
        Some(status) => Err(failed(&status, service)),
        None => Err(ProbeError::Protocol("an answer without grpc-status".into())),
    }
}

/// Whether this comes from a gRPC server; HTTP/2 alone proves nothing.
fn is_grpc(response: &Response<RecvStream>) -> Result<(), ProbeError> {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("none");
    if response.status() != StatusCode::OK {
        let status = response.status().as_u16();
        Err(ProbeError::Protocol(format!("HTTP status {status}").into()))
    } else if !kind.starts_with("application/grpc") {
        let wrong = format!("content type {kind}");
        Err(ProbeError::Protocol(text(wrong)))
    } else {
        Ok(())
    }
}

async fn read(mut body: RecvStream) -> Result<(BytesMut, HeaderMap), ProbeError> {
    let mut answer = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(failure)?;
        if answer.len() + data.len() > MAX_ANSWER {
            return Err(ProbeError::Protocol("an answer that is too long".into()));
        }
        answer.extend_from_slice(&data);
        body.flow_control()
            .release_capacity(data.len())
            .map_err(failure)?;
    }
    let trailers = body.trailers().await.map_err(failure)?;
    Ok((answer, trailers.unwrap_or_default()))
}

fn verdict(answer: &[u8]) -> Result<(), ProbeError> {
    let unreadable = || ProbeError::Protocol("an answer that cannot be read".into());
    let (prefix, message) = answer.split_at_checked(PREFIX).ok_or_else(unreadable)?;
    let len = message.len();
    if prefix[0] != 0
        || u32::try_from(len)
            != Ok(u32::from_be_bytes([
                prefix[1], prefix[2], prefix[3], prefix[4],
            ]))
    {
        return Err(unreadable());
    }
    let response = HealthCheckResponse::decode(message).map_err(|_| unreadable())?;
    match ServingStatus::try_from(response.status) {
        Ok(ServingStatus::Serving) => Ok(()),
        Ok(other) => Err(ProbeError::Status(other.as_str_name().into())),
        Err(_) => Err(ProbeError::Status(
            format!("status {}", response.status).into(),
        )),
    }
}

fn failed(status: &Status, service: &Arc<str>) -> ProbeError {
    match status.code() {
        Code::Unimplemented => ProbeError::NoHealthService,
        Code::NotFound => ProbeError::UnknownService(Arc::clone(service)),
        code => ProbeError::Failed {
            code,
            message: text(status.message()),
        },
    }
}

fn failure(error: h2::Error) -> ProbeError {
    if error.is_io() || error.is_remote() {
        ProbeError::Closed(text(error))
    } else {
        ProbeError::Protocol(text(error))
    }
}
