//! Service configs: what they ask for is done, from the first call on.

#![cfg(feature = "service-config")]
#![allow(clippy::unwrap_used, reason = "test code")]

#[cfg(feature = "health")]
#[path = "support/health.rs"]
mod health;
mod support;

use std::time::Duration;

use lookaside_client::{
    Builder, Channel, ConnectivityState, Mode, ResolveError, ResolverUpdate, WaitForReady,
};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{backends, call, call_with, patient_call},
    configs::{Told, update},
    net::Net,
};
use tokio::time::Instant;
use tonic::Code;

const ROUND_ROBIN: &str = r#"{"loadBalancingConfig": [{"newer": {}}, {"round_robin": {}}]}"#;
const PICK_FIRST: &str = r#"{"loadBalancingPolicy": "pick_first"}"#;

fn told(net: &Net) -> (Told, Builder) {
    let told = Told::default();
    let builder = Channel::builder("orders")
        .resolver(told.clone())
        .connector(net.clone());
    (told, builder)
}

fn methods(fields: &str) -> String {
    format!(
        r#"{{"methodConfig": [{{"name": [{{"service": "lookaside.demo.v1.Echo"}}], {fields}}}]}}"#
    )
}

async fn spread_over(channel: &Channel, expected: usize) {
    support::eventually("the policy", async || {
        let mut answered = backends(channel, 20).await;
        answered.sort();
        answered.dedup();
        answered.len() == expected
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_policy_that_is_asked_for_is_used_and_can_be_changed_without_a_failed_call() {
    let net = Net::default();
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    for _ in 0..3 {
        told.backends([1, 2], Some(Ok(PICK_FIRST)));
        spread_over(&channel, 1).await;
        told.backends([1, 2], Some(Ok(ROUND_ROBIN)));
        spread_over(&channel, 2).await;
    }
    // Without a word on it, it is the channel's own.
    told.backends([1, 2], Some(Ok(PICK_FIRST)));
    spread_over(&channel, 1).await;
    told.backends([1, 2], Some(Ok("{}")));
    spread_over(&channel, 2).await;
    assert_eq!((net.connects(addr(1)), net.connects(addr(2))), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_invalid_config_keeps_the_last_valid_one() {
    let net = Net::default();
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    told.backends([1, 2], Some(Ok(PICK_FIRST)));
    spread_over(&channel, 1).await;
    for invalid in [
        Ok("{"),
        Ok(r#"{"loadBalancingConfig": [{"newer": {}}]}"#),
        Err("cut off"),
    ] {
        // Its addresses count all the same.
        told.backends([2], Some(invalid));
        support::eventually("the new address", async || {
            call(&channel).await.unwrap().backend == "10.0.0.2"
        })
        .await;
        told.backends([1, 2], Some(Ok(PICK_FIRST)));
        spread_over(&channel, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_first_config_fails_calls_with_its_text_until_there_is_a_valid_one() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let (told, builder) = told(&net);
    let channel = builder.default_service_config(PICK_FIRST).build().unwrap();
    let early = tokio::spawn({
        let channel = channel.clone();
        async move { call(&channel).await }
    });
    told.backends([1], Some(Ok(r#"{"methodConfig": [{"timeout": 3}]}"#)));
    let expected = "service config: methodConfig[0].timeout: expected a duration such as \
                    \"1.5s\", found 3";
    let status = early.await.unwrap().unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, expected)
    );
    assert_eq!(channel.state(), ConnectivityState::TransientFailure);
    assert_eq!(channel.last_error().as_deref(), Some(expected));
    // A call that waits for ready waits.
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { patient_call(&channel).await }
    });
    told.backends([1], Some(Err("the TXT record is cut off")));
    support::eventually("the newer text", async || {
        let status = call(&channel).await.unwrap_err();
        status.message() == "service config: the TXT record is cut off"
    })
    .await;
    assert!(!waiting.is_finished());
    told.backends([1], Some(Ok("{}")));
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_first_config_and_obey_it() {
    let net = Net::default();
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    let began = Instant::now();
    let early = tokio::spawn({
        let channel = channel.clone();
        async move { call(&channel).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!early.is_finished());
    // Nobody is at this address; the time runs from the call's beginning.
    let config = methods(r#""timeout": "3s", "waitForReady": true"#);
    told.backends([1], Some(Ok(&config)));
    let status = early.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_deadline_is_honoured_while_it_waits_for_the_first_config() {
    let net = Net::default();
    let (_told, builder) = told(&net);
    let channel = builder.build().unwrap();
    let limit = |request: &mut tonic::Request<_>| request.set_timeout(Duration::from_secs(2));
    let began = Instant::now();
    let status = call_with(&channel, limit).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_resolved_fails_calls_before_there_is_a_config_too() {
    let net = Net::default();
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    told.tell(ResolverUpdate::error(ResolveError::new(
        "orders: no such host",
    )));
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.message(), "orders: no such host");
    let waiting = tokio::spawn(async move { patient_call(&channel).await });
    let _backend = Backend::start(&net, addr(1));
    told.backends([1], None);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_smaller_of_the_calls_and_the_methods_time_counts_and_backends_are_told() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    *backend.handler.delay.lock().unwrap() = Duration::from_secs(60);
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    told.backends([1], Some(Ok(&methods(r#""timeout": "3s""#))));
    for (own, expected) in [(None, 3), (Some(1), 1), (Some(9), 3)] {
        let began = Instant::now();
        let status = call_with(&channel, |request| {
            if let Some(own) = own {
                request.set_timeout(Duration::from_secs(own));
            }
        })
        .await
        .unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(began.elapsed().as_secs(), expected);
    }
    let headers = backend.handler.headers.lock().unwrap();
    let told: Vec<_> = headers
        .iter()
        .map(|headers| headers["grpc-timeout"].clone())
        .collect();
    assert_eq!(told[0], "3000m");
    assert_eq!(told[2], "3000m");
}

#[tokio::test(start_paused = true)]
async fn wait_for_ready_is_the_calls_word_then_the_methods_then_the_channels() {
    let net = Net::default();
    for (channels, methods_, calls, waits) in [
        (false, None, None, false),
        (true, None, None, true),
        (true, Some(false), None, false),
        (false, Some(true), None, true),
        (false, Some(true), Some(false), false),
        (true, Some(false), Some(true), true),
        (true, None, Some(false), false),
    ] {
        let (told, builder) = told(&net);
        let channel = builder.wait_for_ready(channels).build().unwrap();
        let config = methods_.map(|wait| methods(&format!("\"waitForReady\": {wait}")));
        told.backends([1], config.as_deref().map(Ok));
        let status = call_with(&channel, |request| {
            request.set_timeout(Duration::from_secs(5));
            if let Some(wait) = calls {
                request.extensions_mut().insert(WaitForReady(wait));
            }
        })
        .await
        .unwrap_err();
        let expected = if waits {
            Code::DeadlineExceeded
        } else {
            Code::Unavailable
        };
        assert_eq!(status.code(), expected, "{channels} {methods_:?} {calls:?}");
        assert!(status.message().contains("10.0.0.1:1: refused"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_too_long_are_neither_sent_nor_received() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    let sized = async |size: usize| {
        let message = "x".repeat(size);
        let sent = call_with(&channel, |request| request.get_mut().message = message);
        sent.await
            .map_err(|status| (status.code(), status.message().to_owned()))
    };
    told.backends([1], Some(Ok(&methods(r#""maxRequestMessageBytes": 100"#))));
    sized(90).await.unwrap();
    let text = "a request message has 102 bytes, the service config allows 100";
    assert_eq!(
        sized(100).await,
        Err((Code::ResourceExhausted, text.to_owned()))
    );
    assert_eq!(backend.calls(), 1);

    told.backends([1], Some(Ok(&methods(r#""maxResponseMessageBytes": 100"#))));
    let text = "a response message has 112 bytes, the service config allows 100";
    support::eventually("the new limit", async || {
        sized(100).await == Err((Code::ResourceExhausted, text.to_owned()))
    })
    .await;
    sized(50).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_default_holds_where_the_resolver_finds_none_and_alone_where_it_has_no_say() {
    let net = Net::default();
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let (told_, builder) = told(&net);
    let channel = builder.default_service_config(PICK_FIRST).build().unwrap();
    told_.backends([1, 2], None);
    spread_over(&channel, 1).await;
    told_.backends([1, 2], Some(Ok(ROUND_ROBIN)));
    spread_over(&channel, 2).await;

    let (told, builder) = told(&net);
    let channel = builder
        .default_service_config(PICK_FIRST)
        .disable_service_config()
        .build()
        .unwrap();
    told.backends([1, 2], Some(Ok(ROUND_ROBIN)));
    spread_over(&channel, 1).await;
    told.backends([1, 2], Some(Ok("{")));
    spread_over(&channel, 1).await;
}

#[tokio::test]
async fn an_invalid_default_is_refused_when_the_channel_is_built() {
    let net = Net::default();
    let (_told, builder) = told(&net);
    let error = builder.default_service_config("[]").build().unwrap_err();
    let expected = "default service config: expected an object, found an empty list";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_config_can_turn_balancers_on_and_off() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    let own_token = async || {
        let answer = call_with(&channel, |request| {
            request
                .metadata_mut()
                .insert("lb-token", "own".parse().unwrap());
        });
        answer.await.unwrap().lb_token
    };
    told.tell(update([1], [100], Some(Ok(PICK_FIRST))));
    assert_eq!(patient_call(&channel).await.unwrap().backend, "10.0.0.1");
    assert_eq!(channel.mode(), Mode::Direct);
    assert_eq!(own_token().await, "own", "nobody else's business");

    let grpclb = r#"{"loadBalancingConfig": [{"grpclb": {}}]}"#;
    told.tell(update([1], [100], Some(Ok(grpclb))));
    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "orders");
    stream.initial(None);
    // Make before break: the plain address serves until the list does.
    assert_eq!(call(&channel).await.unwrap().lb_token, "");
    stream.list([server(addr(2), "b")]);
    support::eventually("the list", async || {
        call(&channel).await.unwrap().lb_token == "b"
    })
    .await;
    assert_eq!(channel.mode(), Mode::Balancer);
    assert_eq!(own_token().await, "b");

    told.tell(update([1], [100], Some(Ok(PICK_FIRST))));
    support::eventually("no list", async || {
        call(&channel).await.unwrap().backend == "10.0.0.1"
    })
    .await;
    assert!(stream.report().await.is_none(), "the stream ended");
    assert_eq!(channel.mode(), Mode::Direct);
}

#[cfg(feature = "health")]
#[tokio::test(start_paused = true)]
async fn health_is_checked_as_the_config_says_and_no_more_when_it_no_longer_does() {
    use lookaside_proto::health::health_check_response::ServingStatus;
    let net = Net::default();
    let mut backend = health::HealthBackend::start(&net, addr(1));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    told.backends(
        [1],
        Some(Ok(r#"{"healthCheckConfig": {"serviceName": "orders"}}"#)),
    );
    let stream = backend.stream().await;
    assert_eq!(stream.service, "orders");
    stream.says(ServingStatus::NotServing);
    support::eventually("not serving", async || {
        channel.state() == ConnectivityState::TransientFailure
    })
    .await;
    told.backends(
        [1],
        Some(Ok(r#"{"healthCheckConfig": {"serviceName": "other"}}"#)),
    );
    let stream = backend.stream().await;
    assert_eq!(stream.service, "other");
    stream.says(ServingStatus::Serving);
    patient_call(&channel).await.unwrap();
    stream.says(ServingStatus::NotServing);
    support::eventually("not serving", async || {
        channel.state() == ConnectivityState::TransientFailure
    })
    .await;
    told.backends([1], Some(Ok("{}")));
    patient_call(&channel).await.unwrap();
    stream.ended().await;
    assert_eq!(net.connects(addr(1)), 1);
}
