//! Backends whose calls fail are taken out of use.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use lookaside_client::{
    Builder, Channel, ChildPolicy, ConnectivityState, FailurePercentageEjection, OutlierDetection,
    OutlierSettings,
};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{call, patient_call},
    net::Net,
    text,
};
use tokio::time::sleep;

fn builder(net: &Net) -> Builder {
    let settings = OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection::default()),
        ..OutlierSettings::default()
    };
    let policy = OutlierDetection::new(settings, ChildPolicy::RoundRobin).unwrap();
    Channel::builder("orders")
        .child_policy(policy)
        .connector(net.clone())
}

/// Of 500 calls, those that failed.
async fn failures(channel: &Channel) -> usize {
    let mut failed = 0;
    for _ in 0..500 {
        failed += usize::from(call(channel).await.is_err());
    }
    failed
}

/// Five backends, the third of which begins to fail.
async fn a_failing_backend_is_ejected_and_comes_back(channel: Channel, backends: [Backend; 5]) {
    support::eventually("all are connected", async || {
        patient_call(&channel).await.unwrap();
        backends.iter().all(|backend| backend.calls() > 0)
    })
    .await;
    backends[2].handler.failing.store(true, SeqCst);
    assert_eq!(failures(&channel).await, 100);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(failures(&channel).await, 0);
    assert_eq!(channel.state(), ConnectivityState::Ready);
    assert_eq!(backends[2].handler.open.load(SeqCst), 1, "still connected");
    backends[2].handler.failing.store(false, SeqCst);
    let before = backends[2].calls();
    sleep(Duration::from_secs(40)).await;
    assert_eq!(failures(&channel).await, 0);
    assert_eq!(backends[2].calls(), before + 100, "back in use");
}

#[tokio::test(start_paused = true)]
async fn a_failing_backend_is_out_of_use_for_a_while() {
    let net = Net::default();
    let backends = [1, 2, 3, 4, 5].map(|n| Backend::start(&net, addr(n)));
    let channel = builder(&net).addresses((1..=5).map(text)).build().unwrap();
    a_failing_backend_is_ejected_and_comes_back(channel, backends).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_backend_of_a_balancers_list_is_out_of_use_for_a_while() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backends = [1, 2, 3, 4, 5].map(|n| Backend::start(&net, addr(n)));
    let channel = builder(&net).balancers([text(100)]).build().unwrap();
    let stream = balancer.stream().await;
    stream.list((1..=5).map(|n| server(addr(n), &format!("token-{n}"))));
    a_failing_backend_is_ejected_and_comes_back(channel, backends).await;
}
