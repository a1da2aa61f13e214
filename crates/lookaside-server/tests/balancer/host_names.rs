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

use crate::kit::{Client, TestRegistry, backend, config};

/// Answers after a second, with what a test says.
#[derive(Debug)]
struct SlowLookup(watch::Receiver<Vec<IpAddr>>);

#[async_trait]
impl Lookup for SlowLookup {
    async fn lookup(&self, _: &str) -> Result<Answer, LookupError> {
        sleep(Duration::from_secs(1)).await;
        Ok(Answer {
            addresses: self.0.borrow().clone(),
            ttl: Duration::from_secs(5),
            incomplete: None,
        })
    }
}

fn named(port: u16) -> Backend {
    Backend {
        address: format!("backend.test:{port}").parse().unwrap(),
        ..backend(port)
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_port_opens_when_host_names_were_tried_and_their_changes_are_pushed() {
    let ip = |last| IpAddr::from([10, 0, 0, last]);
    let (dns, answers) = watch::channel(vec![ip(1)]);
    let registry = Arc::new(TestRegistry::empty());
    registry.set("orders", [named(1)]);
    let rng = fastrand::Rng::with_seed(1);
    let resolver = NameResolver::spawn(Arc::new(SlowLookup(answers)), registry.subscribe(), rng);
    let started = Instant::now();
    let balancer = Balancer::start(
        config(),
        Arc::<TestRegistry>::clone(&registry),
        resolver.subscribe(),
    );
    let balancer = Arc::new(balancer.unwrap());
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
async fn a_new_service_of_host_names_is_unknown_until_they_were_tried() {
    let (_dns, answers) = watch::channel(vec![IpAddr::from([10, 0, 0, 1])]);
    let registry = Arc::new(TestRegistry::empty());
    let rng = fastrand::Rng::with_seed(1);
    let resolver = NameResolver::spawn(Arc::new(SlowLookup(answers)), registry.subscribe(), rng);
    let balancer = Balancer::start(
        config(),
        Arc::<TestRegistry>::clone(&registry),
        resolver.subscribe(),
    );
    let balancer = Arc::new(balancer.unwrap());
    balancer.ready().await;
    let started = Instant::now();
    registry.set("orders", [named(1)]);
    let mut stream = Client::connect(&balancer).await.ask("orders").await;
    assert_eq!(stream.first_ports().await, [1], "and no fallback before it");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}
