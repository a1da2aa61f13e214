//! Plans as `grpc.lb.v1` puts them on the wire.
//!
//! The slots of a list are encoded once, for all of its streams: a protobuf repeated
//! field is a concatenation, so any run of encoded slots is a valid part of a message.

mod list;
mod slot;

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use lookaside_proto::lb::{
    FallbackResponse, InitialLoadBalanceResponse, LoadBalanceResponse,
    load_balance_response::LoadBalanceResponseType as Kind,
};
use prost::Message;

pub(crate) use list::{EncodedList, MAX_HEAD_BYTES};
pub(crate) use slot::slot_bytes;

use crate::balance_load::PREFIX_BYTES;

/// The initial response, with its gRPC prefix. A report interval of zero asks for no
/// reports.
pub(crate) fn initial_response(report_interval: Duration) -> Bytes {
    let interval = prost_types::Duration::try_from(report_interval)
        .ok()
        .filter(|_| !report_interval.is_zero());
    framed(Kind::InitialResponse(InitialLoadBalanceResponse {
        client_stats_report_interval: interval,
    }))
}

/// The message that sends a client to its own addresses, with its gRPC prefix.
pub(crate) fn fallback_response() -> Bytes {
    framed(Kind::FallbackResponse(FallbackResponse {}))
}

fn framed(kind: Kind) -> Bytes {
    let message = LoadBalanceResponse {
        load_balance_response_type: Some(kind),
    }
    .encode_to_vec();
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    put_prefix(&mut bytes, message.len());
    bytes.put_slice(&message);
    bytes.freeze()
}

/// The prefix of an uncompressed gRPC message.
fn put_prefix(buf: &mut BytesMut, len: usize) {
    buf.put_u8(0);
    // Lists are bounded at 3.5 MiB.
    buf.put_u32(len as u32);
}

#[cfg(test)]
mod tests;
