//! What connections do, and what becomes of calls on them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use lookaside_client::{Channel, ConnectivityState, Peer, WaitForReady};
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use support::{
    addr,
    backend::Backend,
    calls::{call, call_with, patient_call},
    net::Net,
    text,
};
use tokio::time::Instant;
use tonic::Code;

fn channel(net: &Net, ns: impl IntoIterator<Item = u8>) -> Channel {
    Channel::builder("orders")
        .addresses(ns.into_iter().map(text))
        .connector(net.clone())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_port_that_accepts_and_stays_silent_is_not_ready() {
    let net = Net::default();
    let mut silent = net.listen(addr(1));
    let channel = channel(&net, [1]);
    // Held, so that the connection stays open.
    let _io = silent.recv().await;
    tokio::time::sleep(Duration::from_secs(19)).await;
    assert_eq!(channel.state(), ConnectivityState::Connecting);
    let began = Instant::now();
    let status = call(&channel).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 1, "20 s for the whole attempt");
    assert_eq!(
        status.message(),
        "no connection to 10.0.0.1:1: no HTTP/2 connection within 20s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_port_takes_no_calls_from_the_others() {
    let net = Net::default();
    let _silent = net.listen(addr(1));
    let _backend = Backend::start(&net, addr(2));
    let channel = channel(&net, [1, 2]);
    for _ in 0..100 {
        assert_eq!(call(&channel).await.unwrap().backend, "10.0.0.2");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_name_the_peer_and_the_last_error() {
    let net = Net::default();
    let channel = channel(&net, [1, 2]);
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(
        status.message(),
        "none of 2 addresses is reachable, the last: 10.0.0.2:1: refused"
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_back_off() {
    let net = Net::default();
    let _channel = channel(&net, [1]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    // 1, 1.6, 2.56, 4.1, 6.6, 10.5, 16.8 s, each within 20 %.
    let connects = net.connects(addr(1));
    assert!((7..=9).contains(&connects), "{connects}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_ready_is_sent_when_the_backend_comes() {
    let net = Net::default();
    let channel = channel(&net, [1]);
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { patient_call(&channel).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let _backend = Backend::start(&net, addr(1));
    assert_eq!(waiting.await.unwrap().unwrap().backend, "10.0.0.1");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_queued_call_and_says_what_it_waited_for() {
    let net = Net::default();
    let channel = channel(&net, [1]);
    let began = Instant::now();
    let status = call_with(&channel, |request| {
        request.extensions_mut().insert(WaitForReady(true));
        request.set_timeout(Duration::from_secs(3));
    })
    .await
    .unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(
        status.message(),
        "not sent within 3.0s: waiting for a connection: no connection to 10.0.0.1:1: refused"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_sent_call_and_names_the_peer() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    *backend.handler.delay.lock().unwrap() = Duration::from_secs(60);
    let channel = channel(&net, [1]);
    let status = call_with(&channel, |request| {
        request.set_timeout(Duration::from_secs(3));
    })
    .await
    .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "10.0.0.1:1: no response within 3.0s");
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_told_what_is_left_of_a_queued_calls_deadline() {
    let net = Net::default();
    let channel = channel(&net, [1]);
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { patient_call(&channel).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let backend = Backend::start(&net, addr(1));
    waiting.await.unwrap().unwrap();
    let headers = backend.handler.headers.lock().unwrap();
    let limit = headers[0]["grpc-timeout"].to_str().unwrap();
    let millis: u64 = limit.strip_suffix('m').unwrap().parse().unwrap();
    assert!((280_000..=295_000).contains(&millis), "{limit} of 300 s");
}

#[tokio::test(start_paused = true)]
async fn responses_carry_their_peer() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let message = "hello".to_owned();
    let response = EchoClient::new(channel).echo(EchoRequest { message }).await;
    let response = response.unwrap();
    let peer = response.extensions().get::<Peer>().unwrap();
    assert_eq!(peer.socket_addr(), Some(addr(1)));
}

#[tokio::test(start_paused = true)]
async fn a_backends_own_error_passes_untouched() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let status = call_with(&channel, |request| {
        request.get_mut().message = "fail".into();
    })
    .await
    .unwrap_err();
    assert_eq!(status.code(), Code::DataLoss);
    assert_eq!(status.message(), "as asked");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_is_not_sent_again_when_its_connection_dies() {
    let net = Net::default();
    let first = Backend::start(&net, addr(1));
    *first.handler.delay.lock().unwrap() = Duration::from_secs(60);
    let channel = channel(&net, [1]);
    let sent = tokio::spawn({
        let channel = channel.clone();
        async move { patient_call(&channel).await }
    });
    support::eventually("it arrived", async || first.calls() == 1).await;
    drop(first);
    let second = Backend::start(&net, addr(1));
    let status = sent.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("10.0.0.1:1: "), "{status}");
    assert_eq!(second.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_goaway_is_noticed_while_calls_are_open_and_they_finish() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    call(&channel).await.unwrap();
    *backend.handler.delay.lock().unwrap() = Duration::from_secs(60);
    let open = tokio::spawn({
        let channel = channel.clone();
        async move { call(&channel).await }
    });
    support::eventually("it arrived", async || backend.calls() == 2).await;
    *backend.handler.delay.lock().unwrap() = Duration::ZERO;
    backend.go_away();
    support::eventually("a second connection", async || net.connects(addr(1)) == 2).await;
    call(&channel).await.unwrap();
    assert!(!open.is_finished());
    open.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_channel_can_be_dropped_while_calls_are_open() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    *backend.handler.delay.lock().unwrap() = Duration::from_secs(60);
    let channel = channel(&net, [1]);
    let open = tokio::spawn(async move { call(&channel).await });
    support::eventually("it arrived", async || backend.calls() == 1).await;
    open.await.unwrap().unwrap();
    // With the last call the connection goes: a graceful end finds nothing to wait for.
    let ended = tokio::time::timeout(Duration::from_secs(5), backend.shut_down());
    ended.await.expect("the connection is gone");
}

#[tokio::test(start_paused = true)]
async fn states_can_be_waited_for() {
    let net = Net::default();
    let channel = channel(&net, [1]);
    let next = channel.wait_for_state_change(ConnectivityState::Connecting);
    assert_eq!(next.await, ConnectivityState::TransientFailure);
    let backend = Backend::start(&net, addr(1));
    let next = channel.wait_for_state_change(ConnectivityState::TransientFailure);
    assert_eq!(next.await, ConnectivityState::Ready);
    drop(backend);
    let next = channel.wait_for_state_change(ConnectivityState::Ready);
    // CONNECTING, or what came of it: whoever waits sees the newest state.
    assert_ne!(next.await, ConnectivityState::Ready);
}

/// Real threads: the gap between a pick and its first byte is what this is about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_to_a_goaway_under_load() {
    let net = Net::default();
    let backends = [1, 2, 3].map(|n| Backend::start(&net, addr(n)));
    let channel = channel(&net, [1, 2, 3]);
    patient_call(&channel).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..32)
        .map(|_| {
            let (channel, done) = (channel.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut calls = 0;
                while !done.load(Relaxed) {
                    call(&channel).await?;
                    calls += 1;
                }
                Ok::<_, tonic::Status>(calls)
            })
        })
        .collect();
    let connects = || (1..=3).map(|n| net.connects(addr(n))).sum::<usize>();
    let mut turns = 0;
    let mut answered = [0; 3];
    // Connections, not GOAWAYs: those to a backend without a connection do nothing.
    while connects() < 150 {
        let (backend, before) = (&backends[turns % 3], &mut answered[turns % 3]);
        // One whose connections end unanswered again and again has failed, and is left alone.
        if backend.calls() > *before {
            *before = backend.calls();
            backend.go_away();
        }
        turns += 1;
        assert!(turns < 20_000, "{} connections", connects());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    done.store(true, Relaxed);
    let mut calls = 0;
    for task in load {
        calls += task.await.unwrap().expect("no call fails");
    }
    assert!(calls > 300, "{calls} calls");
}
