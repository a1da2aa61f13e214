//! The requests of a `BalanceLoad` stream: the size of the pieces that they arrive in,
//! then the bytes of the stream, which should be gRPC messages.

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request};
use lookaside_proto::lb::{
    LoadBalanceResponse, load_balance_response::LoadBalanceResponseType as Kind,
};
use prost::Message;

use super::served::serve;

/// A gRPC message is a flag byte, a length in four bytes, and the message.
const PREFIX_BYTES: usize = 5;

/// Any bytes: the stream ends, with a status, and no list in it is empty.
pub fn run(data: &[u8]) {
    let Some((&pieces, requests)) = data.split_first() else {
        return;
    };
    serve(|io| async move {
        let (client, connection) = h2::client::handshake(io).await.expect("a balancer");
        let connection = tokio::spawn(connection);
        let answer = exchange(client, requests, usize::from(pieces).max(1)).await;
        connection.abort();
        let _ = connection.await;
        if let Some(answer) = answer {
            check(answer);
        }
    });
}

/// Sends the requests and reads all of the answer; `None` when the stream was reset,
/// which a balancer may do that has had enough.
async fn exchange(
    client: h2::client::SendRequest<Bytes>,
    requests: &[u8],
    pieces: usize,
) -> Option<Bytes> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("http://balancer/grpc.lb.v1.LoadBalancer/BalanceLoad")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .expect("a request");
    let mut client = client.ready().await.ok()?;
    let (response, mut stream) = client.send_request(request, false).ok()?;
    for piece in requests.chunks(pieces) {
        // Lets the balancer read what there is.
        tokio::task::yield_now().await;
        if stream
            .send_data(Bytes::copy_from_slice(piece), false)
            .is_err()
        {
            break;
        }
    }
    let _ = stream.send_data(Bytes::new(), true);
    let response = response.await.ok()?;
    assert_eq!(response.status(), 200);
    let refused = response.headers().contains_key("grpc-status");
    let mut body = response.into_body();
    let mut answer = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.ok()?;
        let _ = body.flow_control().release_capacity(data.len());
        answer.extend_from_slice(&data);
    }
    let trailers = body.trailers().await.ok()?;
    let status = trailers.is_some_and(|it| it.contains_key("grpc-status"));
    assert!(refused || status, "an end without a status");
    Some(answer.freeze())
}

fn check(mut answer: Bytes) {
    while answer.has_remaining() {
        assert!(answer.len() >= PREFIX_BYTES, "half a prefix");
        assert_eq!(answer.get_u8(), 0, "compressed");
        let len = answer.get_u32() as usize;
        assert!(answer.len() >= len, "half a message");
        let message = answer.split_to(len);
        let response = LoadBalanceResponse::decode(message).expect("a response");
        if let Some(Kind::ServerList(list)) = &response.load_balance_response_type {
            assert!(!list.servers.is_empty(), "an empty list");
        }
        lookaside_client::fuzzing::balancer_response(response);
    }
}
