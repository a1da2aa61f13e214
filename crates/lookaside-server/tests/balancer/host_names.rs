use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use lookaside_core::Backend;
use lookaside_registry::{
    Registry,
    names::{Answer, Lookup, LookupError, NameResolver},
};
use lookaside_server::{Balancer, Readiness};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::kit::{Client, Grpc, Inspect, TestRegistry, backend, config};

/// Answers with what a test says, about `wait-1000.test` after 1000 ms.
#[derive(Debug)]
struct SlowLookup(watch::Receiver<Vec<IpAddr>>);

#[async_trait]
impl Lookup for SlowLookup {
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError> {
        let wait = host.strip_prefix("wait-").unwrap();
        let wait = wait.strip_suffix(".test").unwrap().parse().unwrap();
        sleep(Duration::from_millis(wait)).await;
        Ok(Answer {
            addresses: self.0.borrow().clone(),
            ttl: Duration::from_secs(5),
            incomplete: None,
        })
    }
}

fn named(port: u16) -> Backend {
    looked_up_in(1000, port)
}

fn looked_up_in(ms: u64, port: u16) -> Backend {
    Backend {
        address: format!("wait-{ms}.test:{port}").parse().unwrap(),
        ..backend(port)
    }
}

fn start(
    registry: &Arc<TestRegistry>,
    answers: watch::Receiver<Vec<IpAddr>>,
) -> (Arc<Balancer>, NameResolver) {
    let rng = fastrand::Rng::with_seed(1);
    let resolver = NameResolver::spawn(Arc::new(SlowLookup(answers)), registry.subscribe(), rng);
    let registry = Arc::<TestRegistry>::clone(registry);
    let balancer = Balancer::start(config(), registry, resolver.subscribe());
    (Arc::new(balancer.unwrap()), resolver)
}

#[tokio::test(start_paused = true)]
async fn the_client_port_opens_when_host_names_were_tried_and_their_changes_are_pushed() {
    let ip = |last| IpAddr::from([10, 0, 0, last]);
    let (dns, answers) = watch::channel(vec![ip(1)]);
    let registry = Arc::new(TestRegistry::empty());
    registry.set("orders", [named(1)]);
    let started = Instant::now();
    let (balancer, _resolver) = start(&registry, answers);
    sleep(Duration::from_millis(500)).await;
    let Readiness::NotReady(reason) = balancer.readiness().borrow().clone() else {
        panic!("ready before a name was tried");
    };
    assert!(reason.contains("host names"), "{reason}");
    balancer.ready().await;
    assert_eq!(started.elapsed(), Duration::from_secs(1));

    let mut stream = Client::connect(&balancer).await.ask("orders").await;
    stream.initial().await;
    let addresses = async |stream: &mut crate::kit::Stream| {
        let mut all: Vec<_> = stream
            .list()
            .await
            .into_iter()
            .map(|it| it.ip_address[3])
            .collect();
        all.sort_unstable();
        all
    };
    assert_eq!(addresses(&mut stream).await, [1]);
    dns.send_replace(vec![ip(2), ip(3)]);
    assert_eq!(addresses(&mut stream).await, [2, 3]);
    // A lookup that fails changes nothing; neither does a new backend that is looked up.
    dns.send_replace(Vec::new());
    let fast = backend(9);
    registry.set("orders", [named(1), fast]);
    assert_eq!(addresses(&mut stream).await, [1, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn names_that_take_for_ever_do_not_keep_the_client_port_closed() {
    let (_dns, answers) = watch::channel(vec![IpAddr::from([10, 0, 0, 1])]);
    let registry = Arc::new(TestRegistry::empty());
    // More than are looked up at once, each until its lookup times out.
    registry.set(
        "dead",
        (1..=300).map(|n| looked_up_in(60_000 + u64::from(n), n)),
    );
    registry.set("orders", [backend(9)]);
    let started = Instant::now();
    let (balancer, _resolver) = start(&registry, answers);
    balancer.ready().await;
    assert_eq!(started.elapsed().as_secs(), 10);
    let mut stream = Client::connect(&balancer).await.ask("orders").await;
    assert_eq!(stream.first_ports().await, [9]);
}

#[tokio::test(start_paused = true)]
async fn a_new_service_of_host_names_is_waited_for_until_they_were_tried() {
    let (_dns, answers) = watch::channel(vec![IpAddr::from([10, 0, 0, 1])]);
    let registry = Arc::new(TestRegistry::empty());
    let (balancer, _resolver) = start(&registry, answers);
    balancer.ready().await;
    let started = Instant::now();
    registry.set("orders", [looked_up_in(4000, 1)]);
    // What it may also mean is known, but less likely to be meant.
    registry.set("slow", [backend(9)]);
    registry.set("slow:443", [looked_up_in(4000, 2)]);
    let mut stream = Client::connect(&balancer).await.ask("orders").await;
    let mut likelier = Client::connect(&balancer).await.ask("slow:443").await;
    assert_eq!(stream.first_ports().await, [1], "and no fallback before it");
    assert_eq!(likelier.first_ports().await, [2]);
    assert_eq!(started.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn the_first_list_has_all_backends_whose_names_were_tried_before_the_port_opened() {
    let (_dns, answers) = watch::channel(vec![IpAddr::from([10, 0, 0, 1])]);
    let registry = Arc::new(TestRegistry::empty());
    registry.set("orders", [named(1), looked_up_in(1010, 2), backend(3)]);
    let (balancer, _resolver) = start(&registry, answers);
    balancer.ready().await;
    let mut stream = Client::connect(&balancer).await.ask("orders").await;
    assert_eq!(stream.first_ports().await, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_resolve_is_shown_with_the_reason() {
    let (dns, answers) = watch::channel(Vec::new());
    let registry = Arc::new(TestRegistry::empty());
    registry.set("orders", [named(1), backend(2)]);
    let (balancer, _resolver) = start(&registry, answers);
    balancer.ready().await;
    let mut inspect = Inspect::new(Grpc::connect(&balancer).await);
    let mut shown = async || {
        sleep(Duration::from_secs(60)).await;
        let orders = inspect.get("orders").await.unwrap();
        let named = orders.backends.into_iter().next().unwrap();
        (named.state, named.reason, orders.plan_version)
    };
    let no_address = "wait-1000.test: the name has no address";
    let expect = |state: &str, reason: &str, version| (state.into(), reason.into(), version);
    assert_eq!(shown().await, expect("unresolved", no_address, 1));
    dns.send_replace(vec![IpAddr::from([10, 0, 0, 1])]);
    assert_eq!(shown().await, expect("serving", "", 2));
    // The last addresses are kept.
    dns.send_replace(Vec::new());
    assert_eq!(shown().await, expect("serving", no_address, 2));
}
