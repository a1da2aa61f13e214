//! What a name server knows of a name: addresses (A), balancers (SRV), a service config
//! (TXT).

use std::{collections::BTreeSet, net::Ipv4Addr};

use lookaside_client::{Builder, Channel, DnsScheme, Mode, ResolverRegistry};
use lookaside_tests::name_server::NameServer;

use crate::{
    support::{
        self, addr,
        backend::Backend,
        balancer::Balancer,
        calls::{call, patient_call},
        net::Net,
    },
    world::{BALANCER, FALLBACK, list},
};

const NAME: &str = "orders.test";

fn ip(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, n)
}

/// A channel to `orders.test`, whose backends and balancers are on a network in memory.
fn channel(net: &Net, server: &NameServer, configure: impl FnOnce(Builder) -> Builder) -> Channel {
    let target = format!("dns://{}/{NAME}:1", server.at);
    let builder = Channel::builder(target).connector(net.clone());
    configure(builder).build().unwrap()
}

/// Addresses alone are looked up.
fn without_more(builder: Builder) -> Builder {
    let dns = DnsScheme::new().balancers(false).service_config(false);
    builder.resolvers(ResolverRegistry::new().register(dns))
}

/// What has a name's balancer asked for this service.
fn grpclb(service: &str) -> String {
    format!(r#"{{"loadBalancingConfig":[{{"grpclb":{{"serviceName":"{service}"}}}}]}}"#)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn addresses_balancers_and_a_service_config_are_found_and_used() {
    let (net, server) = (Net::default(), NameServer::start().await);
    server.addresses(NAME, [ip(FALLBACK)]);
    server.balancer(NAME, "lb.orders.test", 1);
    server.addresses("lb.orders.test", [ip(BALANCER)]);
    server.service_config(NAME, &grpclb("from-txt"));
    let mut balancer = Balancer::start(&net, addr(BALANCER));
    let _backends = [1, FALLBACK].map(|n| Backend::start(&net, addr(n)));
    let channel = channel(&net, &server, |builder| builder);
    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "from-txt");
    // The name in the record, without the dot at its end.
    assert!(
        ["lb.orders.test", "lb.orders.test:1"].contains(&&*stream.authority),
        "{}",
        stream.authority
    );
    stream.initial(None);
    stream.list(list("1a"));
    assert_eq!(patient_call(&channel).await.unwrap().lb_token, "a");
    stream.fall_back();
    support::eventually("the addresses of the name", async || {
        call(&channel).await.unwrap().backend == ip(FALLBACK).to_string()
    })
    .await;
    let expected = [
        NAME,
        "_grpclb._tcp.orders.test",
        "_grpc_config.orders.test",
        "lb.orders.test",
    ];
    assert_eq!(server.asked(), names(&expected));
}

#[tokio::test]
async fn a_name_of_which_nothing_is_known_fails_calls_and_says_so() {
    let (net, server) = (Net::default(), NameServer::start().await);
    let channel = channel(&net, &server, |builder| builder);
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let text = status.message();
    assert!(text.contains("orders.test:1: no addresses"), "{text}");
}

#[tokio::test]
async fn where_addresses_alone_are_looked_up_nothing_else_is() {
    let (net, server) = (Net::default(), NameServer::start().await);
    server.addresses(NAME, [ip(1)]);
    server.balancer(NAME, "lb.orders.test", 1);
    server.addresses("lb.orders.test", [ip(BALANCER)]);
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net, &server, without_more);
    assert_eq!(call(&channel).await.unwrap().backend, ip(1).to_string());
    assert_eq!(channel.mode(), Mode::Direct);
    assert_eq!(server.asked(), names(&[NAME]));
}

#[tokio::test]
async fn where_addresses_alone_are_looked_up_their_failure_fails_calls() {
    let (net, server) = (Net::default(), NameServer::start().await);
    server.fail_addresses(NAME);
    let channel = channel(&net, &server, without_more);
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let text = status.message();
    assert!(text.contains("resolve orders.test:1: "), "{text}");
}

#[tokio::test]
async fn without_addresses_the_balancers_and_the_service_config_do() {
    let (net, server) = (Net::default(), NameServer::start().await);
    server.fail_addresses(NAME);
    server.balancer(NAME, "lb.orders.test", 1);
    server.addresses("lb.orders.test", [ip(BALANCER)]);
    server.service_config(NAME, &grpclb("from-txt"));
    let mut balancer = Balancer::start(&net, addr(BALANCER));
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net, &server, |builder| builder);
    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "from-txt");
    stream.initial(None);
    stream.list(list("1a"));
    assert_eq!(patient_call(&channel).await.unwrap().lb_token, "a");
}

#[tokio::test]
async fn without_balancers_the_addresses_and_the_service_config_do() {
    let (net, server) = (Net::default(), NameServer::start().await);
    server.addresses(NAME, [ip(1), ip(2)]);
    server.fail_balancers(NAME);
    server.service_config(NAME, r#"{"loadBalancingConfig":[{"pick_first":{}}]}"#);
    let backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let channel = channel(&net, &server, |builder| builder);
    for _ in 0..10 {
        patient_call(&channel).await.unwrap();
    }
    // Were it round_robin, which it is without a config, both would have some.
    let mut calls = backends.map(|backend| backend.calls());
    calls.sort_unstable();
    assert_eq!(calls, [0, 10]);
}

#[tokio::test]
async fn without_addresses_and_balancers_calls_fail_and_the_service_config_is_asked_for() {
    let (net, server) = (Net::default(), NameServer::start().await);
    server.fail_addresses(NAME);
    server.fail_balancers(NAME);
    server.service_config(NAME, &grpclb("from-txt"));
    let channel = channel(&net, &server, |builder| builder);
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let text = status.message();
    assert!(text.contains("resolve orders.test:1: "), "{text}");
    assert!(server.asked().contains("_grpc_config.orders.test"));
}
