//! What could not be reached is tried at once when the user says so.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{future::Future, net::SocketAddr, time::Duration};

use lookaside_client::{Channel, ChildPolicy, ConnectivityState};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{call, patient_call},
    eventually,
    net::Net,
    resolver::{Scripted, found},
    text,
};
use tokio::time::{sleep, timeout};

/// Long enough for waits between attempts to be more than a minute.
const AWAY: Duration = Duration::from_secs(600);

/// Less than the first wait there is.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Until an attempt has just failed: the next is far away.
async fn attempt(net: &Net, at: SocketAddr) {
    let before = net.connects(at);
    for _ in 0..300 {
        if net.connects(at) > before {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
    unreachable!("no attempt within 300 s");
}

async fn at_once<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(AT_ONCE, future).await.expect(what)
}

#[tokio::test(start_paused = true)]
async fn backends_that_are_back_are_connected_at_once_with_every_policy() {
    for policy in [ChildPolicy::RoundRobin, ChildPolicy::PickFirst] {
        let net = Net::default();
        let resolver = Scripted::default();
        let channel = Channel::builder("orders")
            .resolver(resolver.clone())
            .child_policy(policy)
            .connector(net.clone())
            .build()
            .unwrap();
        resolver.say(found(&[1]));
        sleep(AWAY).await;
        attempt(&net, addr(1)).await;
        sleep(Duration::from_secs(3)).await;
        let (connects, wishes) = (net.connects(addr(1)), resolver.wishes());
        let _backend = Backend::start(&net, addr(1));
        channel.reset_connect_backoff();
        at_once("READY", async {
            while channel.state() != ConnectivityState::Ready {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        call(&channel).await.unwrap();
        assert_eq!(net.connects(addr(1)), connects + 1);
        assert!(resolver.wishes() > wishes, "names are looked up again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_stays_away_is_tried_with_the_first_waits_again() {
    let net = Net::default();
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .build()
        .unwrap();
    sleep(AWAY).await;
    attempt(&net, addr(1)).await;
    let before = net.connects(addr(1));
    channel.reset_connect_backoff();
    // At once, after about 1 s and after 1.6 s more.
    sleep(Duration::from_secs(4)).await;
    assert_eq!(net.connects(addr(1)) - before, 3);
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_is_back_is_asked_at_once() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = Channel::builder("orders")
        .balancers([text(100)])
        .connector(net.clone())
        .build()
        .unwrap();
    sleep(AWAY).await;
    attempt(&net, addr(100)).await;
    sleep(Duration::from_secs(3)).await;
    let mut balancer = Balancer::start(&net, addr(100));
    channel.reset_connect_backoff();
    let stream = at_once("a stream", balancer.stream()).await;
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn connections_that_there_are_stay_and_idle_stays_idle() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .idle_timeout(AWAY)
        .build()
        .unwrap();
    patient_call(&channel).await.unwrap();
    channel.reset_connect_backoff();
    sleep(Duration::from_secs(5)).await;
    call(&channel).await.unwrap();
    assert_eq!((net.connects(addr(1)), backend.open()), (1, 1));
    sleep(2 * AWAY).await;
    assert_eq!(channel.state(), ConnectivityState::Idle);
    channel.reset_connect_backoff();
    sleep(AWAY).await;
    assert_eq!(channel.state(), ConnectivityState::Idle);
    // And the wish is not kept for later, nor in the way of what wakes it.
    call(&channel).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wishes_that_come_with_one_another_are_none_lost() {
    let net = Net::default();
    let channel = Channel::builder("orders")
        .addresses((1..=50).map(text))
        .connector(net.clone())
        .build()
        .unwrap();
    for round in 0..50 {
        channel.reset_connect_backoff();
        sleep(Duration::from_millis(round)).await;
    }
    let backends: Vec<_> = (1..=50).map(|n| Backend::start(&net, addr(n))).collect();
    channel.reset_connect_backoff();
    let all = async || backends.iter().all(|backend| backend.open() == 1);
    eventually("all are connected", all).await;
}
