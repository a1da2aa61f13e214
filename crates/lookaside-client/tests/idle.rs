//! A channel that nobody uses, and how it wakes up.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_client::{
    Address, Channel, ChildPolicy, ConnectivityState, Mode, Resolver, ResolverBuilder,
    ResolverController, ResolverUpdate, WaitForReady, WorkScheduler,
};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{call, call_with},
    net::Net,
    text,
};
use tokio::time::{Instant, sleep};
use tonic::Code;

const MINUTE: Duration = Duration::from_secs(60);

/// The default.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// What a channel may take longer than its timeout.
const LATE: Duration = Duration::from_secs(30 * 60 / 8);

fn channel(net: &Net) -> Channel {
    Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .build()
        .unwrap()
}

/// How long from now until it is IDLE.
async fn time_to_idle(channel: &Channel) -> Duration {
    let began = Instant::now();
    let mut states = channel.states();
    while states.changed().await.unwrap() != ConnectivityState::Idle {}
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_calls_goes_idle_and_the_next_call_wakes_it() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net);
    for connects in 1..=3 {
        call(&channel).await.unwrap();
        assert_eq!(net.connects(addr(1)), connects);
        let idle = time_to_idle(&channel).await;
        assert!((TIMEOUT..=TIMEOUT + LATE).contains(&idle), "{idle:?}");
        // It stays so.
        sleep(10 * TIMEOUT).await;
        assert_eq!(channel.state(), ConnectivityState::Idle);
        assert_eq!(net.connects(addr(1)), connects);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_channel_has_closed_its_connections() {
    let net = Net::default();
    let mut listener = net.listen(addr(1));
    let _channel = channel(&net);
    let io = TokioIo::new(listener.recv().await.unwrap());
    let nothing = service_fn(|_| async {
        Err::<http::Response<http_body_util::Empty<bytes::Bytes>>, _>("no calls")
    });
    let server = http2::Builder::new(TokioExecutor::new()).serve_connection(io, nothing);
    let closed = tokio::time::timeout(TIMEOUT + LATE + MINUTE, server);
    closed.await.expect("closed by the channel").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_open_keeps_the_channel_awake_and_its_end_is_what_counts() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    *backend.handler.delay.lock().unwrap() = 5 * TIMEOUT;
    let channel = channel(&net);
    let open = tokio::spawn({
        let channel = channel.clone();
        async move { call(&channel).await }
    });
    sleep(5 * TIMEOUT - MINUTE).await;
    assert_eq!(channel.state(), ConnectivityState::Ready);
    open.await.unwrap().unwrap();
    let idle = time_to_idle(&channel).await;
    assert!((TIMEOUT..=TIMEOUT + LATE).contains(&idle), "{idle:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_on_a_connection_that_was_let_go_of_keeps_the_channel_awake() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    *backend.handler.delay.lock().unwrap() = 3 * TIMEOUT;
    let channel = channel(&net);
    let open = tokio::spawn({
        let channel = channel.clone();
        async move { call(&channel).await }
    });
    support::eventually("it arrived", async || backend.calls() == 1).await;
    backend.go_away();
    support::eventually("a second connection", async || net.connects(addr(1)) == 2).await;
    sleep(3 * TIMEOUT - MINUTE).await;
    assert_eq!(channel.state(), ConnectivityState::Ready);
    open.await.unwrap().unwrap();
    time_to_idle(&channel).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_keeps_the_channel_awake() {
    let net = Net::default();
    let channel = channel(&net);
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move {
            call_with(&channel, |request| {
                request.extensions_mut().insert(WaitForReady(true));
                request.set_timeout(3 * TIMEOUT);
            })
            .await
        }
    });
    sleep(3 * TIMEOUT - MINUTE).await;
    assert_ne!(channel.state(), ConnectivityState::Idle);
    let status = waiting.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    time_to_idle(&channel).await;
}

#[tokio::test(start_paused = true)]
async fn calls_now_and_then_keep_the_channel_awake() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net);
    for _ in 0..20 {
        call(&channel).await.unwrap();
        sleep(TIMEOUT - MINUTE).await;
        assert_eq!(channel.state(), ConnectivityState::Ready);
    }
    assert_eq!(net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_to_connect_wakes_the_channel_without_a_call() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net);
    time_to_idle(&channel).await;
    channel.connect_now();
    let mut states = channel.states();
    while states.changed().await.unwrap() != ConnectivityState::Ready {}
    assert_eq!(net.connects(addr(1)), 2);
    let idle = time_to_idle(&channel).await;
    assert!(
        (TIMEOUT - MINUTE..=TIMEOUT + LATE).contains(&idle),
        "{idle:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn asking_to_connect_is_harmless_at_any_time() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    for policy in [ChildPolicy::PickFirst, ChildPolicy::RoundRobin] {
        let channel = Channel::builder("orders")
            .addresses([text(1)])
            .child_policy(policy)
            .connector(net.clone())
            .build()
            .unwrap();
        let connects = net.connects(addr(1));
        channel.connect_now();
        call(&channel).await.unwrap();
        channel.connect_now();
        sleep(MINUTE).await;
        assert_eq!(channel.state(), ConnectivityState::Ready);
        assert_eq!(net.connects(addr(1)), connects + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_can_be_told_to_stay_awake() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .idle_timeout(Duration::MAX)
        .connector(net.clone())
        .build()
        .unwrap();
    call(&channel).await.unwrap();
    sleep(1000 * TIMEOUT).await;
    assert_eq!(channel.state(), ConnectivityState::Ready);
    assert_eq!(net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_channel_has_no_stream_to_its_balancer_and_gets_a_new_one() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let mut balancer = Balancer::start(&net, addr(9));
    let channel = Channel::builder("orders")
        .balancers([text(9)])
        .idle_timeout(MINUTE)
        .connector(net.clone())
        .build()
        .unwrap();
    for _ in 0..3 {
        let mut stream = balancer.stream().await;
        stream.list([server(addr(1), "token")]);
        assert_eq!(call(&channel).await.unwrap().lb_token, "token");
        assert_eq!(channel.mode(), Mode::Balancer);
        time_to_idle(&channel).await;
        assert_eq!(channel.mode(), Mode::Connecting);
        assert!(stream.report().await.is_none(), "the stream has ended");
        assert!(balancer.try_stream().is_none(), "no new one");
        channel.connect_now();
    }
}

/// Counts how many resolvers there are and were.
#[derive(Clone, Debug, Default)]
struct Counted {
    made: Arc<AtomicUsize>,
    gone: Arc<AtomicUsize>,
}

struct CountedResolver(Option<Address>, Arc<AtomicUsize>);

impl ResolverBuilder for Counted {
    fn build(&self, _: WorkScheduler) -> Box<dyn Resolver> {
        self.made.fetch_add(1, SeqCst);
        let address = Address::new(addr(1));
        Box::new(CountedResolver(Some(address), Arc::clone(&self.gone)))
    }
}

impl Resolver for CountedResolver {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        if let Some(address) = self.0.take() {
            controller.update(ResolverUpdate::new(vec![address]));
        }
    }
}

impl Drop for CountedResolver {
    fn drop(&mut self) {
        self.1.fetch_add(1, SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_channel_has_no_resolver() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let resolver = Counted::default();
    let channel = Channel::builder("orders")
        .resolver(resolver.clone())
        .connector(net.clone())
        .build()
        .unwrap();
    for n in 1..=3 {
        call(&channel).await.unwrap();
        let counts = || (resolver.made.load(SeqCst), resolver.gone.load(SeqCst));
        assert_eq!(counts(), (n, n - 1));
        time_to_idle(&channel).await;
        support::eventually("it is gone", async || counts() == (n, n)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn states_are_told_one_after_the_other_until_the_channel_is_closed() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net);
    let mut states = channel.states();
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(states.changed().await.unwrap());
    }
    use ConnectivityState::{Connecting, Idle, Ready, Shutdown};
    assert_eq!(told, [Connecting, Ready, Idle]);
    // Late ones learn the state of now.
    assert_eq!(channel.states().changed().await, Some(Idle));
    drop(channel);
    assert_eq!(states.changed().await, Some(Shutdown));
    assert_eq!(states.current(), Shutdown);
    assert_eq!(states.changed().await, None);
}

/// Real threads and a timeout that is over again and again: between a pick and its
/// connection, between a connection and its call, and between a wish and its wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_to_a_channel_that_goes_idle() {
    let net = Net::default();
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let channel = Channel::builder("orders")
        .addresses([text(1), text(2)])
        .idle_timeout(Duration::from_millis(2))
        .connector(net.clone())
        .build()
        .unwrap();
    let limit = std::time::Instant::now() + Duration::from_secs(60);
    let mut calls = 0_u64;
    while net.connects(addr(1)) < 200 {
        assert!(std::time::Instant::now() < limit, "{calls} calls");
        let together = (0..calls % 4).map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move {
                call_with(&channel, |request| {
                    request.set_timeout(Duration::from_secs(20));
                })
                .await
            })
        });
        for call in together.collect::<Vec<_>>() {
            call.await.unwrap().expect("no call fails");
        }
        calls += 1;
        // Around the moment at which it goes idle.
        sleep(Duration::from_micros(1500 + calls * 37 % 2000)).await;
    }
}
