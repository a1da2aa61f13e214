//! Following a balancer's list.

mod support;

use std::time::Duration;

use lookaside_client::{Builder, Channel, ConnectivityState, Mode};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, drop_entry, server},
    calls::{backends, call, call_with, patient_call, spread},
    net::{Net, Proxy},
    text,
};
use tokio::time::Instant;

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

#[tokio::test(start_paused = true)]
async fn an_applications_own_token_is_replaced_and_an_empty_one_is_no_header() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "ours")]);
    let with_own = async || {
        call_with(&channel, |request| {
            let metadata = request.metadata_mut();
            metadata.insert("lb-token", "theirs".parse().unwrap());
        })
        .await
        .unwrap()
    };
    patient_call(&channel).await.unwrap();
    assert_eq!(with_own().await.lb_token, "ours");
    stream.list([server(addr(1), "")]);
    support::eventually("the list is in force", async || {
        with_own().await.lb_token.is_empty()
    })
    .await;
    let headers = backend.handler.headers.lock().unwrap();
    assert!(!headers.last().unwrap().contains_key("lb-token"));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_tokens_alone_keeps_the_connection() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "old")]);
    assert_eq!(patient_call(&channel).await.unwrap().lb_token, "old");
    stream.list([server(addr(1), "new")]);
    support::eventually("the new token", async || {
        call(&channel).await.unwrap().lb_token == "new"
    })
    .await;
    assert_eq!(net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_a_state_of_its_own_and_ends_with_the_next_list() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).fallback([text(9)]).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([]);
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(
        status.message(),
        "the balancer has no backend for orders: its list is empty"
    );
    assert_eq!(channel.state(), ConnectivityState::TransientFailure);
    assert_eq!(channel.mode(), Mode::Balancer);
    // A call that waits for ready does wait.
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { patient_call(&channel).await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!waiting.is_finished());
    stream.list([server(addr(1), "a")]);
    waiting.await.unwrap().unwrap();
    // And back.
    stream.list([]);
    support::eventually("calls fail", async || call(&channel).await.is_err()).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_of_drops_alone_drops_also_calls_that_wait_for_ready() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([drop_entry("overload")]);
    let status = patient_call(&channel).await.unwrap_err();
    assert_eq!(status.message(), "call dropped by the balancer (overload)");
}

#[tokio::test(start_paused = true)]
async fn the_same_list_on_a_new_stream_goes_on_without_a_new_connection() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).fallback([text(9)]).build().unwrap();
    for round in 0..3 {
        let mut stream = balancer.raw_stream().await;
        stream.name().await;
        stream.initial(Some(Duration::from_secs(1)));
        stream.list([server(addr(1), "a"), drop_entry("d")]);
        patient_call_not_dropped(&channel).await;
        let report = stream.report().await.unwrap();
        assert!(report.num_calls_started >= 1, "round {round}: {report:?}");
        assert_eq!(channel.mode(), Mode::Balancer);
        stream.fail(tonic::Status::unavailable("bye"));
    }
    assert_eq!(net.connects(addr(1)), 1);
    assert_eq!(net.connects(addr(9)), 0, "never in fallback");
}

async fn patient_call_not_dropped(channel: &Channel) {
    while patient_call(channel).await.is_err() {}
}

#[tokio::test(start_paused = true)]
async fn a_new_list_is_connected_before_the_old_one_is_let_go() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _old = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "old")]);
    patient_call(&channel).await.unwrap();
    // Accepts, and says nothing: it is not READY.
    let silent = net.listen(addr(2));
    stream.list([server(addr(2), "new")]);
    for _ in 0..100 {
        assert_eq!(call(&channel).await.unwrap().lb_token, "old");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(silent);
    let _new = Backend::start(&net, addr(2));
    support::eventually("the new list", async || {
        call(&channel).await.expect("no call fails").lb_token == "new"
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_leaves_the_list_finishes_its_calls_and_keeps_its_connection_a_while() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
    *backends[0].handler.delay.lock().unwrap() = Duration::from_secs(30);
    let long_call = tokio::spawn({
        let channel = channel.clone();
        async move { call(&channel).await }
    });
    support::eventually("it arrived", async || backends[0].calls() == 2).await;
    *backends[0].handler.delay.lock().unwrap() = Duration::ZERO;
    stream.list([server(addr(2), "b")]);
    support::eventually("the new list", async || {
        call(&channel).await.unwrap().lb_token == "b"
    })
    .await;
    // Back within the 10 s: the connection is still there.
    tokio::time::sleep(Duration::from_secs(8)).await;
    stream.list([server(addr(1), "a")]);
    support::eventually("back", async || {
        call(&channel).await.unwrap().lb_token == "a"
    })
    .await;
    assert_eq!(net.connects(addr(1)), 1);
    // And gone for longer: the call finishes all the same, the next connection is new.
    stream.list([server(addr(2), "b")]);
    support::eventually("away", async || {
        call(&channel).await.unwrap().lb_token == "b"
    })
    .await;
    assert_eq!(long_call.await.unwrap().unwrap().lb_token, "a");
    stream.list([server(addr(1), "a")]);
    support::eventually("back", async || {
        call(&channel).await.unwrap().lb_token == "a"
    })
    .await;
    assert_eq!(net.connects(addr(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_before_the_initial_response_is_used() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
    stream.initial(Some(Duration::from_secs(1)));
    let report = stream.report().await.unwrap();
    assert_eq!(report.num_calls_started, 1);
}

#[tokio::test(start_paused = true)]
async fn the_balancer_is_called_by_its_own_authority_and_backends_by_the_service() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backend = Backend::start(&net, addr(1));
    let channel = builder(&net).user_agent("shop/2").build().unwrap();
    let stream = balancer.stream().await;
    let agent = stream.headers["user-agent"].to_str().unwrap().to_owned();
    assert!(agent.starts_with("shop/2 lookaside-client/"), "{agent}");
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
    assert_eq!(*backend.handler.authorities.lock().unwrap(), ["orders"]);
    let headers = backend.handler.headers.lock().unwrap();
    assert_eq!(headers[0]["user-agent"], agent.as_str());
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_closes_after_its_first_word_is_not_asked_in_a_tight_loop() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let _channel = builder(&net).build().unwrap();
    let (mut streams, began) = (0, tokio::time::Instant::now());
    while began.elapsed() < Duration::from_secs(10) {
        let mut stream = balancer.raw_stream().await;
        stream.name().await;
        stream.initial(None);
        streams += 1;
        stream.fail(tonic::Status::unavailable("bye"));
    }
    assert!(streams < 20, "{streams} streams in 10 s");
}

#[tokio::test(start_paused = true)]
async fn the_next_balancer_is_used_when_one_is_gone() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let mut first = Balancer::start(&net, addr(100));
    let mut second = Balancer::start(&net, addr(101));
    let channel = builder(&net).balancers([text(101)]).build().unwrap();
    let stream = first.stream().await;
    stream.list([server(addr(1), "first")]);
    assert_eq!(patient_call(&channel).await.unwrap().lb_token, "first");
    assert!(second.try_stream().is_none());
    drop((stream, first));
    let stream = second.stream().await;
    assert_eq!(call(&channel).await.unwrap().lb_token, "first");
    stream.list([server(addr(1), "second")]);
    support::eventually("the second's list", async || {
        call(&channel).await.unwrap().lb_token == "second"
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_with_the_channel() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let channel = builder(&net).build().unwrap();
    let mut stream = balancer.stream().await;
    drop(channel);
    assert!(stream.report().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_falls_silent_is_noticed_by_its_missing_pings() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(101));
    let proxy = Proxy::start(&net, addr(100), addr(101));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "before")]);
    assert_eq!(patient_call(&channel).await.unwrap().lb_token, "before");
    // Silence is normal: the pings are answered.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(balancer.try_stream().is_none());
    proxy.freeze();
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    proxy.thaw();
    let stream = balancer.stream().await;
    let noticed = began.elapsed().as_secs();
    assert!((10..=32).contains(&noticed), "after {noticed} s");
    assert_eq!(call(&channel).await.unwrap().lb_token, "before");
    stream.list([server(addr(1), "after")]);
    support::eventually("the list", async || {
        call(&channel).await.unwrap().lb_token == "after"
    })
    .await;
}
