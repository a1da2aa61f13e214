//! What a service config says of grpclb.

#![cfg(feature = "service-config")]
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use lookaside_client::{Builder, Channel, ChildPolicy, Mode};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, BalancerStream, server},
    calls::{backends, call, patient_call},
    configs::{Told, update},
    net::Net,
    text,
};
use tokio::time::Instant;

const FALLBACK: u8 = 9;

fn grpclb(fields: &str) -> String {
    format!(r#"{{"loadBalancingConfig": [{{"grpclb": {{{fields}}}}}]}}"#)
}

fn told(net: &Net) -> (Told, Builder) {
    let told = Told::default();
    let builder = Channel::builder("orders")
        .resolver_with_balancers(told.clone())
        .connector(net.clone());
    (told, builder)
}

fn tell(told: &Told, fields: &str) {
    told.tell(update([FALLBACK], [100], Some(Ok(&grpclb(fields)))));
}

async fn named(balancer: &mut Balancer) -> (String, BalancerStream) {
    let mut stream = balancer.raw_stream().await;
    let name = stream.name().await;
    (name, stream)
}

async fn distinct(channel: &Channel) -> usize {
    let mut answered = backends(channel, 20).await;
    answered.sort();
    answered.dedup();
    answered.len()
}

#[tokio::test(start_paused = true)]
async fn the_child_policy_is_swapped_on_the_same_stream_and_connections() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    tell(
        &told,
        r#""childPolicy": [{"newer": {}}, {"pick_first": {}}]"#,
    );
    let (_, stream) = named(&mut balancer).await;
    stream.initial(None);
    stream.list([server(addr(1), "a"), server(addr(2), "b")]);
    patient_call(&channel).await.unwrap();
    assert_eq!(distinct(&channel).await, 1);
    for (child, expected) in [("round_robin", 2), ("pick_first", 1), ("round_robin", 2)] {
        tell(&told, &format!("\"childPolicy\": [{{\"{child}\": {{}}}}]"));
        // `backends` panics if a call fails.
        support::eventually("the child", async || distinct(&channel).await == expected).await;
    }
    assert!(balancer.try_stream().is_none());
    assert_eq!((net.connects(addr(1)), net.connects(addr(2))), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_configured_child_counts_more_than_the_builders_which_counts_without_one() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder
        .child_policy(ChildPolicy::PickFirst)
        .build()
        .unwrap();
    tell(&told, "");
    let (_, stream) = named(&mut balancer).await;
    stream.initial(None);
    stream.list([server(addr(1), "a"), server(addr(2), "b")]);
    patient_call(&channel).await.unwrap();
    assert_eq!(distinct(&channel).await, 1);
    tell(&told, r#""childPolicy": [{"round_robin": {}}]"#);
    support::eventually("both", async || distinct(&channel).await == 2).await;
}

#[tokio::test(start_paused = true)]
async fn the_fallback_child_is_swapped_too() {
    let net = Net::default();
    let _backends = [8, 9].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    let tell = |child: &str| {
        let config = grpclb(&format!("\"childPolicy\": [{{\"{child}\": {{}}}}]"));
        told.tell(update([8, 9], [100], Some(Ok(&config))));
    };
    tell("pick_first");
    patient_call(&channel).await.unwrap();
    assert_eq!(channel.mode(), Mode::Fallback);
    assert_eq!(distinct(&channel).await, 1);
    tell("round_robin");
    support::eventually("both", async || distinct(&channel).await == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_service_name_restarts_the_stream_and_nothing_else() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, 2, FALLBACK].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    tell(&told, "");
    let (name, mut first) = named(&mut balancer).await;
    assert_eq!(name, "orders");
    first.initial(Some(Duration::from_secs(1)));
    first.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();

    tell(&told, r#""serviceName": "team/orders""#);
    let (name, mut second) = named(&mut balancer).await;
    assert_eq!(name, "team/orders");
    while first.report().await.is_some() {}
    assert_eq!(
        net.connects(addr(100)),
        1,
        "the balancer's connection is kept"
    );
    // Far beyond every timeout: what there is serves on.
    for _ in 0..60 {
        assert_eq!(call(&channel).await.unwrap().lb_token, "a");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(channel.mode(), Mode::Balancer);
    assert_eq!(net.connects(addr(FALLBACK)), 0);

    // Only what follows from the new stream is reported on it; the list may even be the same.
    second.initial(Some(Duration::from_secs(1)));
    second.list([server(addr(1), "a")]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..7 {
        call(&channel).await.unwrap();
    }
    let report = second.report().await.unwrap();
    assert_eq!(
        (report.num_calls_started, report.num_calls_finished),
        (7, 7)
    );
    assert_eq!(net.connects(addr(1)), 1);
    second.list([server(addr(2), "b")]);
    support::eventually("the new list", async || {
        call(&channel).await.unwrap().lb_token == "b"
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_new_service_name_before_the_first_list_is_no_reason_to_fall_back() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, FALLBACK].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    tell(&told, "");
    let began = Instant::now();
    let (_, _first) = named(&mut balancer).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    tell(&told, r#""serviceName": "other""#);
    let (name, _second) = named(&mut balancer).await;
    assert_eq!(name, "other");
    assert_eq!(channel.mode(), Mode::Connecting);
    // And none to wait for longer.
    assert_eq!(
        channel.wait_for_mode_change(Mode::Connecting).await,
        Mode::Fallback
    );
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn in_fallback_a_new_service_name_leaves_it_by_its_list_only() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, FALLBACK].map(|n| Backend::start(&net, addr(n)));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    tell(&told, "");
    let (_, first) = named(&mut balancer).await;
    first.initial(None);
    first.fall_back();
    patient_call(&channel).await.unwrap();
    assert_eq!(channel.mode(), Mode::Fallback);
    tell(&told, r#""serviceName": "other""#);
    let (_, second) = named(&mut balancer).await;
    second.initial(None);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(channel.mode(), Mode::Fallback);
    assert_eq!(call(&channel).await.unwrap().backend, "10.0.0.9");
    second.list([server(addr(1), "a")]);
    support::eventually("the list", async || {
        call(&channel).await.unwrap().lb_token == "a"
    })
    .await;
    assert_eq!(net.connects(addr(FALLBACK)), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_lists_time_is_configured_and_can_be_changed_while_it_runs() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(FALLBACK));
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    tell(&told, r#""initialFallbackTimeout": "60s""#);
    let began = Instant::now();
    let (_, _stream) = named(&mut balancer).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(channel.mode(), Mode::Connecting);
    tell(&told, r#""initialFallbackTimeout": "20.5s""#);
    assert_eq!(
        channel.wait_for_mode_change(Mode::Connecting).await,
        Mode::Fallback
    );
    assert_eq!(began.elapsed().as_millis(), 20_500);
    call(&channel).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_invalid_grpclb_config_fails_calls_with_its_text() {
    let net = Net::default();
    let (told, builder) = told(&net);
    let channel = builder.build().unwrap();
    tell(&told, r#""childPolicy": [{"newer": {}}]"#);
    let status = call(&channel).await.unwrap_err();
    let expected = "service config: loadBalancingConfig[0].grpclb: childPolicy: none of its \
                    policies is known (newer); known are ";
    assert!(status.message().starts_with(expected), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_balancer_may_know_the_service_by_another_name_than_the_target() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backend = Backend::start(&net, addr(1));
    let channel = Channel::builder("orders.internal")
        .balancers([text(100)])
        .service_name("team/orders")
        .connector(net.clone())
        .build()
        .unwrap();
    let (name, stream) = named(&mut balancer).await;
    assert_eq!(name, "team/orders");
    stream.initial(None);
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
    assert_eq!(
        *backend.handler.authorities.lock().unwrap(),
        ["orders.internal"]
    );
    let error = Channel::builder("orders")
        .balancers([text(100)])
        .service_name("a b")
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "service name \"a b\" contains white space or a control character"
    );
}
