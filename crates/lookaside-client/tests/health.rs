//! Backends that are asked whether they serve (A17).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

#[path = "support/health.rs"]
mod health;
mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use health::HealthBackend;
use lookaside_client::{Channel, ChildPolicy, ConnectivityState, Event, Observer};
use lookaside_proto::health::health_check_response::ServingStatus;
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{backends, call, patient_call},
    net::Net,
    text,
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

const SECOND: Duration = Duration::from_secs(1);

fn channel(net: &Net, ns: impl IntoIterator<Item = u8>) -> Channel {
    Channel::builder("orders")
        .addresses(ns.into_iter().map(text))
        .health_check("orders.Api")
        .connector(net.clone())
        .build()
        .unwrap()
}

async fn wait_for(channel: &Channel, wanted: ConnectivityState) {
    let mut states = channel.states();
    while states.changed().await.unwrap() != wanted {}
}

#[tokio::test(start_paused = true)]
async fn a_backend_gets_calls_when_it_says_that_it_serves_and_not_before() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let waiting = tokio::spawn({
        let channel = channel.clone();
        // Not for ready: a backend that has not answered yet has not failed.
        async move { call(&channel).await }
    });
    let stream = backend.stream().await;
    assert_eq!(stream.service, "orders.Api");
    let agent = stream.headers["user-agent"].to_str().unwrap();
    assert!(agent.starts_with("lookaside-client/"), "{agent}");
    sleep(60 * SECOND).await;
    assert_eq!(channel.state(), ConnectivityState::Connecting);
    assert!(!waiting.is_finished());
    stream.says(ServingStatus::Serving);
    waiting.await.unwrap().unwrap();
    assert_eq!(channel.state(), ConnectivityState::Ready);
    assert!(backend.try_stream().is_none(), "one stream is enough");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_serve_counts_as_failed_until_it_does() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let stream = backend.stream().await;
    for status in [
        ServingStatus::NotServing,
        ServingStatus::ServiceUnknown,
        ServingStatus::Unknown,
    ] {
        stream.says(status);
        wait_for(&channel, ConnectivityState::TransientFailure).await;
        let error = call(&channel).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        let text = format!(
            "no connection to 10.0.0.1:1: \"orders.Api\" is {}",
            status.as_str_name()
        );
        assert_eq!(error.message(), text);
        stream.says(ServingStatus::Serving);
        wait_for(&channel, ConnectivityState::Ready).await;
        call(&channel).await.unwrap();
    }
    // The connection has nothing to do with it.
    assert_eq!(net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_go_to_the_backends_that_serve() {
    let net = Net::default();
    let mut first = HealthBackend::start(&net, addr(1));
    let mut second = HealthBackend::start(&net, addr(2));
    let channel = channel(&net, [1, 2]);
    let (first, second) = (first.stream().await, second.stream().await);
    first.says(ServingStatus::NotServing);
    second.says(ServingStatus::Serving);
    assert_eq!(backends(&channel, 6).await, ["10.0.0.2"; 6]);
    first.says(ServingStatus::Serving);
    second.says(ServingStatus::NotServing);
    sleep(SECOND).await;
    assert_eq!(backends(&channel, 6).await, ["10.0.0.1"; 6]);
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_the_health_service_is_healthy_and_not_asked_again() {
    let net = Net::default();
    let plain = Backend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    call(&channel).await.unwrap();
    sleep(3600 * SECOND / 4).await;
    call(&channel).await.unwrap();
    let asked = plain.handler.authorities.lock().unwrap().len() - plain.calls();
    assert_eq!(asked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_takes_the_backend_out_and_is_opened_again_with_back_off() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let began = Instant::now();
    let mut opened = Vec::new();
    for _ in 0..5 {
        let stream = backend.stream().await;
        opened.push(began.elapsed().as_secs_f64());
        stream.fail(Status::internal("broken"));
        wait_for(&channel, ConnectivityState::TransientFailure).await;
    }
    let error = call(&channel).await.unwrap_err();
    let text = "10.0.0.1:1: health check of \"orders.Api\" failed: Internal: broken";
    assert!(error.message().ends_with(text), "{error}");
    // 1, 1.6, 2.56, 4.1 s, each within 20 %.
    for (pair, wait) in opened.windows(2).zip([1.0, 1.6, 2.56, 4.096]) {
        let waited = pair[1] - pair[0];
        assert!((0.79 * wait..=1.21 * wait).contains(&waited), "{opened:?}");
    }
    let stream = backend.stream().await;
    stream.says(ServingStatus::Serving);
    wait_for(&channel, ConnectivityState::Ready).await;
    assert_eq!(net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_as_soon_as_it_has_answered_is_not_opened_in_a_tight_loop() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let _channel = channel(&net, [1]);
    let began = Instant::now();
    for _ in 0..20 {
        backend.stream().await.says(ServingStatus::Serving);
    }
    let each = began.elapsed().as_secs_f64() / 19.0;
    assert!((0.8..=1.2).contains(&each), "{each}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_lasted_is_opened_again_at_once() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let stream = backend.stream().await;
    stream.says(ServingStatus::Serving);
    sleep(10 * SECOND).await;
    drop(stream);
    let ended = Instant::now();
    let stream = backend.stream().await;
    assert!(ended.elapsed() < SECOND / 10, "{:?}", ended.elapsed());
    // Calls wait for what it says, rather than fail.
    assert_eq!(channel.state(), ConnectivityState::Connecting);
    let (answer, ()) = tokio::join!(call(&channel), async {
        sleep(SECOND).await;
        stream.says(ServingStatus::Serving);
    });
    answer.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_connection_is_asked_anew() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let stream = backend.stream().await;
    stream.says(ServingStatus::Serving);
    call(&channel).await.unwrap();
    drop(backend);
    wait_for(&channel, ConnectivityState::TransientFailure).await;
    let mut backend = HealthBackend::start(&net, addr(1));
    let stream = backend.stream().await;
    sleep(SECOND).await;
    assert_ne!(channel.state(), ConnectivityState::Ready);
    stream.says(ServingStatus::Serving);
    patient_call(&channel).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pick_first_asks_nobody() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .child_policy(ChildPolicy::PickFirst)
        .health_check("")
        .connector(net.clone())
        .build()
        .unwrap();
    call(&channel).await.unwrap();
    sleep(60 * SECOND).await;
    assert!(backend.try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn backends_that_a_balancer_listed_are_not_asked_but_those_of_the_fallback_are() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let mut balancer = Balancer::start(&net, addr(9));
    let channel = Channel::builder("orders")
        .balancers([text(9)])
        .fallback([text(1)])
        .health_check("orders.Api")
        .connector(net.clone())
        .build()
        .unwrap();
    let balancer = balancer.stream().await;
    balancer.list([server(addr(1), "token")]);
    call(&channel).await.unwrap();
    sleep(60 * SECOND).await;
    assert!(backend.try_stream().is_none());

    // The same connection, now for the fallback.
    balancer.fall_back();
    let stream = backend.stream().await;
    stream.says(ServingStatus::NotServing);
    wait_for(&channel, ConnectivityState::TransientFailure).await;
    let error = call(&channel).await.unwrap_err();
    assert!(error.message().contains("NOT_SERVING"), "{error}");
    assert_eq!(net.connects(addr(1)), 1);

    // And listed again: what it says of itself does not count.
    balancer.list([server(addr(1), "token")]);
    assert_eq!(patient_call(&channel).await.unwrap().lb_token, "token");
    stream.ended().await;
    call(&channel).await.unwrap();
    assert_eq!(net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn health_streams_keep_no_channel_awake() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let stream = backend.stream().await;
    stream.says(ServingStatus::Serving);
    call(&channel).await.unwrap();
    wait_for(&channel, ConnectivityState::Idle).await;
    stream.ended().await;
    let (answer, _stream) = tokio::join!(call(&channel), async {
        let stream = backend.stream().await;
        stream.says(ServingStatus::Serving);
        stream
    });
    answer.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_dropped_ends_its_health_streams() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let stream = backend.stream().await;
    stream.says(ServingStatus::Serving);
    call(&channel).await.unwrap();
    drop(channel);
    let ended = tokio::time::timeout(10 * SECOND, stream.ended()).await;
    ended.expect("the stream has ended");
}

/// What it is told of connections and of health.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let text = match event {
            Event::Subchannel { address, state } => format!("{address} {}", state.connectivity),
            Event::Health { address, state } => format!("{address} {:?}", state.health),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_tells_a_change_of_health_from_one_of_the_connection() {
    let net = Net::default();
    let mut backend = HealthBackend::start(&net, addr(1));
    let log = Arc::new(Log::default());
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .health_check("orders.Api")
        .connector(net.clone())
        .observer(Arc::clone(&log) as Arc<dyn Observer>)
        .build()
        .unwrap();
    let stream = backend.stream().await;
    for (status, state) in [
        (ServingStatus::Serving, ConnectivityState::Ready),
        (
            ServingStatus::NotServing,
            ConnectivityState::TransientFailure,
        ),
        (ServingStatus::Serving, ConnectivityState::Ready),
    ] {
        stream.says(status);
        wait_for(&channel, state).await;
    }
    assert_eq!(
        *log.0.lock().unwrap(),
        [
            "10.0.0.1:1 CONNECTING",
            "10.0.0.1:1 READY",
            "10.0.0.1:1 Serving",
            "10.0.0.1:1 NotServing",
            "10.0.0.1:1 Serving",
        ]
    );
}
