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
use lookaside_client::{Channel, PickFirst};
use lookaside_proto::lb::{LoadBalanceRequest, load_balancer_client::LoadBalancerClient};
use support::{addr, backend::Backend, balancer::Balancer, calls::call, net::Net, text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc::UnboundedReceiver,
};
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

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_response_whose_next_message_is_always_there() {
    let net = Net::default();
    let mut streaming = Balancer::start(&net, addr(1));
    let mut client = LoadBalancerClient::new(channel(&net));
    let mut request = tonic::Request::new(tokio_stream::pending::<LoadBalanceRequest>());
    request.set_timeout(Duration::from_secs(3));
    let (response, stream) = tokio::join!(client.balance_load(request), streaming.raw_stream());
    let mut messages = response.unwrap().into_inner();
    let began = tokio::time::Instant::now();
    let status = loop {
        // More than is read.
        stream.initial(None);
        stream.initial(None);
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Err(status) = messages.message().await {
            break status;
        }
        assert!(began.elapsed() < Duration::from_secs(60));
    };
    assert_eq!(status.code(), Code::DeadlineExceeded);
    // What had been read into the decoder by then is still handed out.
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

/// An empty frame of settings.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Takes a connection up to its first request and all of its body, and says then that it
/// goes away, having looked at all streams up to `last_stream`.
async fn go_away(incoming: &mut UnboundedReceiver<DuplexStream>, last_stream: u8) -> DuplexStream {
    let mut io = incoming.recv().await.unwrap();
    io.write_all(&SETTINGS).await.unwrap();
    // The connection's preface, then frames, up to the one of data that ends the stream.
    let mut skip = vec![0; 24];
    let mut header = [0; 9];
    io.read_exact(&mut skip).await.unwrap();
    while !(header[3] == 0 && header[4] & 1 == 1) {
        io.read_exact(&mut header).await.unwrap();
        skip.resize(usize::from(header[1]) << 8 | usize::from(header[2]), 0);
        io.read_exact(&mut skip).await.unwrap();
    }
    let go_away = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, last_stream, 0, 0, 0, 0];
    io.write_all(&go_away).await.unwrap();
    io
}

#[tokio::test(start_paused = true)]
async fn a_sent_call_that_a_goaway_does_not_admit_is_sent_elsewhere_whole() {
    let net = Net::default();
    let mut incoming = net.listen(addr(1));
    let channel = channel(&net);
    let sent = tokio::spawn(async move { call(&channel).await });
    let _io = go_away(&mut incoming, 0).await;
    let backend = Backend::start(&net, addr(1));
    assert_eq!(sent.await.unwrap().unwrap().message, "hello");
    assert_eq!(backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sent_call_that_a_goaway_admits_is_never_sent_again() {
    let net = Net::default();
    let mut incoming = net.listen(addr(1));
    let channel = channel(&net);
    let sent = tokio::spawn(async move { call(&channel).await });
    let io = go_away(&mut incoming, 1).await;
    let backend = Backend::start(&net, addr(1));
    support::eventually("a second connection", async || net.connects(addr(1)) >= 2).await;
    assert!(!sent.is_finished());
    drop(io);
    let status = sent.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(backend.calls(), 0);
}

/// A peer that says hello, and then goodbye if it is so polite, to every connection.
fn greets_and_leaves(net: &Net, n: u8, goodbye: &'static [u8]) {
    let mut incoming = net.listen(addr(n));
    tokio::spawn(async move {
        while let Some(mut io) = incoming.recv().await {
            io.write_all(&SETTINGS).await.unwrap();
            io.write_all(goodbye).await.unwrap();
        }
    });
}

/// GOAWAY, without a stream that was looked at.
const GO_AWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[tokio::test(start_paused = true)]
async fn a_peer_that_greets_and_leaves_is_dialled_as_one_that_cannot_be_reached() {
    let net = Net::default();
    greets_and_leaves(&net, 1, &[]);
    let channel = channel(&net);
    tokio::time::sleep(Duration::from_millis(700)).await;
    // Once more at once: it may have been a restart.
    assert_eq!(net.connects(addr(1)), 2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    // Up to 1 s, 1.6 s, 2.6 s, ... apart.
    let connects = net.connects(addr(1));
    assert!((6..=11).contains(&connects), "{connects} connects");
    drop(channel);
}

#[tokio::test(start_paused = true)]
async fn pick_first_leaves_an_address_that_greets_and_leaves_for_the_next_one() {
    for goodbye in [&[][..], &GO_AWAY] {
        let net = Net::default();
        greets_and_leaves(&net, 1, goodbye);
        let backend = Backend::start(&net, addr(2));
        let channel = Channel::builder("orders")
            .addresses([text(1), text(2)])
            .child_policy(PickFirst::new())
            .connector(net.clone())
            .build()
            .unwrap();
        let answered = tokio::time::timeout(Duration::from_secs(1), call(&channel)).await;
        answered.expect("the second address answers").unwrap();
        assert_eq!((backend.calls(), net.connects(addr(1))), (1, 2));
    }
}
