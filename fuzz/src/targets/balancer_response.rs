//! What a balancer sends to our own client.

use lookaside_proto::lb::LoadBalanceResponse;
use prost::Message;

/// Any bytes as one message.
pub fn run(data: &[u8]) {
    if let Ok(response) = LoadBalanceResponse::decode(data) {
        lookaside_client::fuzzing::balancer_response(response);
    }
}
