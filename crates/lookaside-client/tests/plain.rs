//! Channels over plain addresses: no balancer.

mod support;

use lookaside_client::{Channel, ChildPolicy, ConnectivityState, Mode};
use support::{
    addr,
    backend::Backend,
    calls::{backends, call, spread},
    net::Net,
    text,
};

#[tokio::test(start_paused = true)]
async fn round_robin_takes_turns_over_all_backends() {
    let net = Net::default();
    let servers: Vec<_> = (1..=3).map(|n| Backend::start(&net, addr(n))).collect();
    let channel = Channel::builder("orders")
        .addresses([text(1), text(2), text(3)])
        .connector(net.clone())
        .connect()
        .await
        .unwrap();
    while channel.state() != ConnectivityState::Ready {
        channel.wait_for_state_change(channel.state()).await;
    }
    call(&channel).await.unwrap();
    support::eventually("all connected", async || {
        call(&channel).await.unwrap();
        servers.iter().all(|server| server.calls() > 0)
    })
    .await;
    let counts = spread(&channel, 300).await;
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [100; 3]);
    let order = backends(&channel, 6).await;
    assert_eq!(order[..3], order[3..]);
    assert_eq!(channel.mode(), Mode::Direct);
}

#[tokio::test(start_paused = true)]
async fn pick_first_uses_the_first_that_answers() {
    let net = Net::default();
    let _second = Backend::start(&net, addr(2));
    let _third = Backend::start(&net, addr(3));
    let channel = Channel::builder("orders")
        .addresses([text(1), text(2), text(3)])
        .child_policy(ChildPolicy::PickFirst)
        .connector(net.clone())
        .build()
        .unwrap();
    assert_eq!(backends(&channel, 5).await, ["10.0.0.2"; 5]);
}
