use std::error::Error;

#[cfg(feature = "retry")]
use http::{HeaderMap, StatusCode};
use tonic::{Code, Status};

use crate::{Endpoint, subchannel};

/// The status of a call that its connection failed: what the peer's reset means in gRPC
/// (gRPC over HTTP/2, "Errors"), UNAVAILABLE for all else.
pub(super) fn from_hyper(error: &hyper::Error, peer: &Endpoint) -> Status {
    let code = match h2_error(error) {
        Some(h2) if h2.is_reset() && h2.is_remote() => code_of(h2.reason()),
        _ => Code::Unavailable,
    };
    Status::new(code, format!("{peer}: {}", subchannel::describe(error)))
}

/// The peer did not look at the request and says so: its stream came after the last one
/// that a GOAWAY admits (RFC 9113 section 6.8). h2 gives a remote GOAWAY to no other stream.
pub(super) fn is_unprocessed(error: &hyper::Error) -> bool {
    h2_error(error).is_some_and(|h2| h2.is_go_away() && h2.is_remote())
}

/// The peer refused this stream before it did anything with it (RFC 9113 section 8.7).
pub(super) fn is_refused_stream(error: &hyper::Error) -> bool {
    let refused = |h2: &h2::Error| {
        h2.is_reset() && h2.is_remote() && h2.reason() == Some(h2::Reason::REFUSED_STREAM)
    };
    h2_error(error).is_some_and(refused)
}

/// The status among trailers, or among the headers of an answer that is nothing else.
#[cfg(feature = "retry")]
pub(super) fn grpc_status(headers: &HeaderMap) -> Option<Code> {
    let code = headers.get("grpc-status")?;
    Some(Code::from_bytes(code.as_bytes()))
}

/// What an answer that is not gRPC's means, from a proxy say ("HTTP to gRPC Status Code
/// Mapping").
#[cfg(feature = "retry")]
pub(super) fn from_http(status: StatusCode) -> Option<Code> {
    match status.as_u16() {
        200 => None,
        400 => Some(Code::Internal),
        401 => Some(Code::Unauthenticated),
        403 => Some(Code::PermissionDenied),
        404 => Some(Code::Unimplemented),
        429 | 502 | 503 | 504 => Some(Code::Unavailable),
        _ => Some(Code::Unknown),
    }
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(h2) = cause.downcast_ref::<h2::Error>() {
            return Some(h2);
        }
        source = cause.source();
    }
    None
}

fn code_of(reason: Option<h2::Reason>) -> Code {
    match reason {
        Some(h2::Reason::REFUSED_STREAM) => Code::Unavailable,
        Some(h2::Reason::CANCEL) => Code::Cancelled,
        Some(h2::Reason::ENHANCE_YOUR_CALM) => Code::ResourceExhausted,
        Some(h2::Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
        _ => Code::Internal,
    }
}
