//! Following a balancer's list.

mod support;

use lookaside_client::{Builder, Channel, ConnectivityState, Mode};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, drop_entry, server},
    calls::{backends, call, patient_call, spread},
    net::Net,
    text,
};

fn builder(net: &Net) -> Builder {
    Channel::builder("orders")
        .balancers([text(100)])
        .connector(net.clone())
}

#[tokio::test(start_paused = true)]
async fn calls_follow_the_list_with_its_tokens() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let channel = builder(&net).build().unwrap();
    assert_eq!(channel.mode(), Mode::Connecting);

    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "orders");
    stream.initial(None);
    stream.list([
        server(addr(1), "a1"),
        server(addr(2), "b"),
        server(addr(1), "a2"),
    ]);
    patient_call(&channel).await.unwrap();
    support::eventually("both backends are READY", async || {
        backends(&channel, 3).await.contains(&"10.0.0.2".to_owned())
    })
    .await;

    let counts = spread(&channel, 300).await;
    let counts: Vec<_> = counts
        .into_iter()
        .map(|((_, token), n)| (token, n))
        .collect();
    let expected = [("a1", 100), ("a2", 100), ("b", 100)];
    assert_eq!(counts, expected.map(|(token, n)| (token.to_owned(), n)));
    assert_eq!(channel.mode(), Mode::Balancer);
    assert_eq!(channel.state(), ConnectivityState::Ready);
    assert_eq!(net.connects(addr(1)), 1, "one connection per address");
}

#[tokio::test(start_paused = true)]
async fn drops_are_exact_and_counted_in_the_error() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([
        drop_entry("overload.x1Z"),
        server(addr(1), "a"),
        server(addr(1), "a"),
        drop_entry("rate"),
        server(addr(1), "a"),
    ]);
    support::eventually("READY", async || {
        channel.state() == ConnectivityState::Ready
    })
    .await;
    let (mut ok, mut overload, mut rate) = (0, 0, 0);
    for _ in 0..500 {
        match call(&channel).await {
            Ok(_) => ok += 1,
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::Unavailable);
                match status.message() {
                    "call dropped by the balancer (overload)" => overload += 1,
                    "call dropped by the balancer (rate)" => rate += 1,
                    other => panic!("{other}"),
                }
            }
        }
    }
    assert_eq!((ok, overload, rate), (300, 100, 100));
}
