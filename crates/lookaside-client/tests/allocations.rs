//! A pick allocates nothing, whatever picks.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use allocation_counter::measure;
use http::HeaderMap;
use lookaside_client::{Builder, Channel, ChildPolicy, ConnectivityState, PickArgs};
use lookaside_proto::demo::echo_client::EchoClient;
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, drop_entry, server},
    calls::{bare_call, call},
    net::{Net, TonicConnector},
    text,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tonic::{
    body::Body,
    client::GrpcService,
    transport::{self, Endpoint},
};

const BACKENDS: u8 = 90;

fn builder(net: &Net) -> Builder {
    Channel::builder("orders").connector(net.clone())
}

async fn ready(channel: &Channel, backends: &[Backend]) {
    support::eventually("every backend is READY", async || {
        for _ in 0..200 {
            let _ = call(channel).await;
        }
        backends.iter().all(|backend| backend.calls() > 0)
    })
    .await;
    assert_eq!(channel.state(), ConnectivityState::Ready);
}

/// Many picks; none may allocate, and all must find what they are expected to.
fn assert_free(channel: &Channel, found_of_thousand: usize) {
    let headers = HeaderMap::new();
    let args = PickArgs::new("/a.B/C", &headers);
    let mut found = 0;
    let pick = || found += usize::from(channel.measure_pick(&args));
    // A thread's first look at an `ArcSwap` sets up its slot.
    channel.measure_pick(&args);
    let pick_all = {
        let mut pick = pick;
        move || (0..1000).for_each(|_| pick())
    };
    let counted = measure(pick_all);
    assert_eq!(counted.count_total, 0, "{counted:?}");
    assert_eq!(found, found_of_thousand);
}

#[tokio::test(start_paused = true)]
async fn a_round_robin_pick_allocates_nothing() {
    let net = Net::default();
    let backends: Vec<_> = (1..=BACKENDS)
        .map(|n| Backend::start(&net, addr(n)))
        .collect();
    let addresses = (1..=BACKENDS).map(text);
    let channel = builder(&net).addresses(addresses).build().unwrap();
    ready(&channel, &backends).await;
    assert_free(&channel, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_pick_first_pick_allocates_nothing() {
    let net = Net::default();
    let backends = [Backend::start(&net, addr(1))];
    let channel = builder(&net)
        .addresses([text(1)])
        .child_policy(ChildPolicy::PickFirst)
        .build()
        .unwrap();
    ready(&channel, &backends).await;
    assert_free(&channel, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_grpclb_pick_allocates_nothing_dropped_or_not() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backends: Vec<_> = (1..=BACKENDS)
        .map(|n| Backend::start(&net, addr(n)))
        .collect();
    let channel = builder(&net).balancers([text(100)]).build().unwrap();
    let stream = balancer.stream().await;
    let listed = (1..=BACKENDS).map(|n| server(addr(n), &format!("token-{n}")));
    stream.list(listed.chain((0..10).map(|_| drop_entry("overload"))));
    ready(&channel, &backends).await;
    assert_free(&channel, 900);
}

/// Any policy over 90 addresses, half of them listed twice.
#[cfg(any(feature = "outlier", feature = "policies"))]
async fn assert_free_with(policy: impl lookaside_client::PolicyBuilder) {
    let net = Net::default();
    let backends: Vec<_> = (1..=BACKENDS)
        .map(|n| Backend::start(&net, addr(n)))
        .collect();
    let addresses = (1..=BACKENDS).chain(1..=BACKENDS / 2).map(text);
    let builder = builder(&net).addresses(addresses).child_policy(policy);
    let channel = builder.build().unwrap();
    ready(&channel, &backends).await;
    // Also once weights have been looked at.
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    assert_free(&channel, 1000);
}

#[cfg(feature = "policies")]
#[tokio::test(start_paused = true)]
async fn a_pick_by_weight_calls_or_latency_allocates_nothing() {
    assert_free_with(lookaside_client::WeightedRoundRobin::new()).await;
    assert_free_with(lookaside_client::LeastRequest::new().choice_count(10)).await;
    assert_free_with(lookaside_client::P2c::new()).await;
}

#[cfg(feature = "outlier")]
#[tokio::test(start_paused = true)]
async fn a_pick_that_outlier_ejection_watches_allocates_nothing() {
    use lookaside_client::{FailurePercentageEjection, OutlierDetection, OutlierSettings};
    let settings = OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection::default()),
        ..OutlierSettings::default()
    };
    assert_free_with(OutlierDetection::new(settings, ChildPolicy::RoundRobin).unwrap()).await;
}

/// Allocations of this thread for one call. Whoever changes one of these knows why: of
/// ours, four are this crate's (the call's future, the kept request and its headers, the
/// response's `Peer`), and all others tonic's client, hyper's and h2's.
const OURS: u64 = 30;
const TONICS: u64 = 33;

/// Counted, and rounded: every 32nd message opens a new block in a queue.
fn per_call<T>(runtime: &Runtime, client: &mut EchoClient<T>) -> u64
where
    T: GrpcService<Body>,
    T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error:
        Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    const CALLS: u64 = 1000;
    let mut calls = |n| {
        runtime.block_on(async {
            for _ in 0..n {
                bare_call(client).await.unwrap();
            }
        });
    };
    calls(100);
    let counted = measure(|| calls(CALLS));
    counted.count_total / CALLS
}

/// A runtime whose tasks are on threads of their own, so that only the client's thread is
/// counted; and the client's.
fn runtimes() -> (Runtime, Runtime) {
    let server = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let client = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    (server, client)
}

#[test]
fn a_unary_call_allocates_less_than_over_tonics_own_transport() {
    let net = Net::default();
    let (server, client) = runtimes();
    let _backend = server.block_on(async { Backend::start(&net, addr(1)) });
    let (ours, theirs) = client.block_on(async {
        let ours = builder(&net).addresses([text(1)]).connect().await.unwrap();
        let theirs = Endpoint::from_shared(format!("http://{}", text(1)))
            .unwrap()
            .connect_with_connector(TonicConnector(net.clone()))
            .await
            .unwrap();
        (ours, theirs)
    });
    let ours = per_call(&client, &mut EchoClient::new(ours));
    let theirs = per_call(&client, &mut EchoClient::new(theirs));
    assert_eq!((ours, theirs), (OURS, TONICS));
}

/// The same over four backends and real sockets (those of `balance_list` are tonic's own):
/// a turn more for us, a queue and a choice more for tonic.
const OURS_OVER_FOUR: u64 = 30;
const BALANCE_LISTS: u64 = 35;

/// Listens on a socket for a backend of the network.
async fn on_a_socket(net: &Net, backend: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let net = net.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = lookaside_client::Address::new(backend);
            let mut far = lookaside_client::Connector::connect(&net, &to)
                .await
                .unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    at
}

#[test]
fn a_unary_call_over_four_backends_allocates_less_than_over_a_balance_list() {
    let net = Net::default();
    let (server, client) = runtimes();
    let (_backends, sockets) = server.block_on(async {
        let backends: Vec<_> = (1..=4).map(|n| Backend::start(&net, addr(n))).collect();
        let mut sockets = Vec::new();
        for backend in &backends {
            sockets.push(on_a_socket(&net, backend.at).await);
        }
        (backends, sockets)
    });
    let (ours, theirs) = client.block_on(async {
        let ours = Channel::builder("orders").addresses(sockets.iter().map(ToString::to_string));
        let endpoint = |at| Endpoint::from_shared(format!("http://{at}")).unwrap();
        let theirs = transport::Channel::balance_list(sockets.iter().map(endpoint));
        (ours.connect().await.unwrap(), theirs)
    });
    let ours = per_call(&client, &mut EchoClient::new(ours));
    let theirs = per_call(&client, &mut EchoClient::new(theirs));
    assert_eq!((ours, theirs), (OURS_OVER_FOUR, BALANCE_LISTS));
}
