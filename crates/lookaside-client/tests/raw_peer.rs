//! Peers that do what no well-behaved server does: HTTP/2 by hand.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use lookaside_client::Channel;
use lookaside_proto::lb::{LoadBalanceRequest, load_balancer_client::LoadBalancerClient};
use support::{addr, balancer::Balancer, calls::call, net::Net, text};
use tonic::{Code, codegen::tokio_stream};

/// What a request gets: nothing, so that the test can do something else; or an answer.
enum Answer {
    Reset(Reason),
    GoAway,
    Ok,
}

/// A server that answers its requests with these, one after the other and then well. How
/// many bodies it saw whole.
fn peer(net: &Net, n: u8, answers: Vec<Answer>) -> Arc<AtomicUsize> {
    let bodies = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&bodies);
    let mut incoming = net.listen(addr(n));
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        while let Some(io) = incoming.recv().await {
            let mut connection = h2::server::handshake(io).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                match answers.next().unwrap_or(Answer::Ok) {
                    Answer::Reset(reason) => respond.send_reset(reason),
                    // As if it had never come: its stream is above the last one admitted.
                    Answer::GoAway => {
                        connection.abrupt_shutdown(Reason::NO_ERROR);
                    }
                    Answer::Ok => {
                        tokio::spawn(answer(request.into_body(), respond, Arc::clone(&seen)));
                    }
                }
            }
        }
    });
    bodies
}

/// An `EchoResponse` without content.
async fn answer(mut body: RecvStream, mut respond: SendResponse<Bytes>, seen: Arc<AtomicUsize>) {
    let mut size = 0;
    while let Some(Ok(data)) = body.data().await {
        size += data.len();
    }
    // The gRPC prefix, then "hello" as field 1.
    assert_eq!(size, 5 + 7);
    seen.fetch_add(1, SeqCst);
    let response = http::Response::builder()
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let mut stream = respond.send_response(response, false).unwrap();
    stream
        .send_data(Bytes::from_static(&[0; 5]), false)
        .unwrap();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    stream.send_trailers(trailers).unwrap();
}

fn channel(net: &Net) -> Channel {
    Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_is_sent_once_more_whole_on_the_same_connection() {
    let net = Net::default();
    let bodies = peer(&net, 1, vec![Answer::Reset(Reason::REFUSED_STREAM)]);
    call(&channel(&net)).await.unwrap();
    assert_eq!(bodies.load(SeqCst), 1);
    assert_eq!(net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_twice_fails() {
    let net = Net::default();
    let refuse = || Answer::Reset(Reason::REFUSED_STREAM);
    let _bodies = peer(&net, 1, vec![refuse(), refuse()]);
    let status = call(&channel(&net)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("10.0.0.1:1: "), "{status}");
}

#[tokio::test(start_paused = true)]
async fn resets_mean_what_grpc_says_and_are_not_sent_again() {
    let expected = [
        (Reason::CANCEL, Code::Cancelled),
        (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
        (Reason::INTERNAL_ERROR, Code::Internal),
    ];
    for (reason, code) in expected {
        let net = Net::default();
        let bodies = peer(&net, 1, vec![Answer::Reset(reason)]);
        let status = call(&channel(&net)).await.unwrap_err();
        assert_eq!(status.code(), code, "{reason}");
        assert_eq!(bodies.load(SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_away_with_calls_open_does_not_hang_them() {
    let net = Net::default();
    let _bodies = peer(&net, 1, vec![Answer::GoAway]);
    let channel = channel(&net);
    let first = tokio::time::timeout(Duration::from_secs(5), call(&channel)).await;
    first.expect("it ends, one way or the other").ok();
    call(&channel).await.unwrap();
    assert_eq!(net.connects(addr(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_also_ends_a_response_that_has_begun() {
    let net = Net::default();
    let mut streaming = Balancer::start(&net, addr(1));
    let mut client = LoadBalancerClient::new(channel(&net));
    let mut request = tonic::Request::new(tokio_stream::pending::<LoadBalanceRequest>());
    request.set_timeout(Duration::from_secs(3));
    let began = tokio::time::Instant::now();
    let (response, stream) = tokio::join!(client.balance_load(request), streaming.raw_stream());
    let mut messages = response.unwrap().into_inner();
    stream.initial(None);
    assert!(messages.message().await.unwrap().is_some());
    let status = messages.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(began.elapsed().as_secs(), 3);
}
