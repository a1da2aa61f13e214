//! `dns` targets against a name server on loopback.
#![cfg(feature = "srv")]
#![allow(clippy::unwrap_used, reason = "all of it runs in tests")]

#[path = "support/name_server.rs"]
mod name_server;
mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hickory_resolver::proto::rr::RecordType;
use lookaside_client::{
    Address, Channel, ConnectFuture, Connector, DnsScheme, Mode, Resolver, ResolverController,
    ResolverUpdate, Scheme, Target, WorkScheduler,
};
use name_server::NameServer;
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{call, patient_call},
    net::Net,
};

/// A resolver by itself.
struct World {
    resolver: Box<dyn Resolver>,
    latest: Option<ResolverUpdate>,
}

struct Sink<'a>(&'a mut Option<ResolverUpdate>);

impl ResolverController for Sink<'_> {
    fn now(&self) -> std::time::Instant {
        std::time::Instant::now()
    }

    fn update(&mut self, update: ResolverUpdate) {
        *self.0 = Some(update);
    }
}

impl World {
    fn new(scheme: &DnsScheme, target: &str) -> Self {
        let target = Target::parse(target).unwrap();
        let found = scheme.resolver(&target).unwrap();
        Self {
            resolver: found.resolver.build(WorkScheduler::default()),
            latest: None,
        }
    }

    /// Waits for an update that passes `check`.
    async fn until(&mut self, check: impl Fn(&ResolverUpdate) -> bool) -> ResolverUpdate {
        let limit = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            self.resolver.work(&mut Sink(&mut self.latest));
            match &self.latest {
                Some(update) if check(update) => return update.clone(),
                latest => assert!(tokio::time::Instant::now() < limit, "{latest:?}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn first(&mut self) -> ResolverUpdate {
        self.until(|_| true).await
    }
}

fn texts(found: &[Address]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

/// Also where nothing reads the service config.
fn with_config() -> DnsScheme {
    DnsScheme::new().service_config(true)
}

fn target(server: &NameServer) -> String {
    format!("dns://{}/orders.test:1", server.at)
}

#[tokio::test]
async fn addresses_balancers_and_service_config_are_found() {
    let server = NameServer::start().await;
    server.addresses("orders.test.", 60, &["10.0.0.1", "fd00::1"]);
    server.addresses("lb1.test.", 60, &["10.0.0.9"]);
    server.addresses("lb2.test.", 60, &["10.0.0.8"]);
    let balancers = [(2, 0, 7400, "lb2.test."), (1, 0, 7400, "lb1.test.")];
    server.srv("_grpclb._tcp.orders.test.", 60, &balancers);
    let parts = [
        "grpc_config=[{\"serviceConfig\":",
        "{\"methodConfig\":[]}}]",
    ];
    server.txt("_grpc_config.orders.test.", 60, &parts);
    let update = World::new(&with_config(), &target(&server)).first().await;
    assert_eq!(
        texts(&update.addresses.unwrap()),
        ["10.0.0.1:1", "[fd00::1]:1"]
    );
    let balancers = update.balancers.unwrap();
    assert_eq!(texts(&balancers), ["10.0.0.9:7400", "10.0.0.8:7400"]);
    assert_eq!(balancers[0].authority().unwrap(), "lb1.test");
    let config = update.service_config.unwrap().unwrap();
    assert_eq!(&*config, "{\"methodConfig\":[]}");
}

#[tokio::test]
async fn what_is_not_there_is_no_error_and_a_failing_server_is_one_for_balancers_alone() {
    let server = NameServer::start().await;
    server.addresses("orders.test.", 60, &["10.0.0.1"]);
    let update = World::new(&with_config(), &target(&server)).first().await;
    assert_eq!(texts(&update.addresses.unwrap()), ["10.0.0.1:1"]);
    assert_eq!(update.balancers, Ok(Arc::default()));
    assert_eq!(update.service_config, None);

    server.fail("_grpclb._tcp.orders.test.", RecordType::SRV);
    server.fail("_grpc_config.orders.test.", RecordType::TXT);
    let update = World::new(&with_config(), &target(&server)).first().await;
    assert_eq!(texts(&update.addresses.unwrap()), ["10.0.0.1:1"]);
    let error = update.balancers.unwrap_err().to_string();
    assert!(
        error.starts_with("resolve orders.test:1: balancers: "),
        "{error}"
    );
    assert_eq!(update.service_config, None);
}

#[tokio::test]
async fn a_name_that_is_not_there_is_an_error_with_its_name() {
    let server = NameServer::start().await;
    let update = World::new(&with_config(), &target(&server)).first().await;
    let error = update.addresses.unwrap_err().to_string();
    assert_eq!(error, "resolve orders.test:1: no addresses");
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_asked_for_over_tcp() {
    let server = NameServer::start().await;
    server.addresses("orders.test.", 60, &["10.0.0.1"]);
    server.truncate();
    let update = World::new(&with_config(), &target(&server)).first().await;
    assert_eq!(texts(&update.addresses.unwrap()), ["10.0.0.1:1"]);
    assert!(server.asked().contains(&"tcp A orders.test.".to_owned()));
}

#[tokio::test]
async fn records_are_asked_for_again_when_their_time_is_over() {
    let server = NameServer::start().await;
    server.addresses("orders.test.", 1, &["10.0.0.1"]);
    let scheme = DnsScheme::new().min_interval(Duration::from_millis(100));
    let mut world = World::new(&scheme, &target(&server));
    world.first().await;
    server.addresses("orders.test.", 600, &["10.0.0.2"]);
    let is = |ip: &'static str| move |update: &ResolverUpdate| matches!(&update.addresses, Ok(found) if texts(found) == [ip]);
    world.until(is("10.0.0.2:1")).await;
    // From here on only because somebody wishes it.
    server.addresses("orders.test.", 600, &["10.0.0.3"]);
    world.resolver.resolve_now();
    world.until(is("10.0.0.3:1")).await;
}

#[tokio::test]
async fn localhost_and_addresses_are_asked_of_no_name_server() {
    let server = NameServer::start().await;
    let scheme = DnsScheme::new().name_server(server.at);
    let hosts = [
        "localhost",
        "LOCALHOST.",
        "shop.localhost",
        "127.0.0.1",
        "[::1]",
    ];
    for host in hosts {
        let mut world = World::new(&scheme, &format!("dns:///{host}:1"));
        let update = world.first().await;
        assert_eq!(update.balancers, Ok(Arc::default()), "{host}");
        assert_eq!(update.service_config, None, "{host}");
    }
    assert_eq!(server.asked(), [""; 0]);
}

#[tokio::test]
async fn what_is_not_wanted_is_not_asked_for() {
    let server = NameServer::start().await;
    server.addresses("orders.test.", 60, &["10.0.0.1"]);
    let scheme = DnsScheme::new().balancers(false).service_config(false);
    World::new(&scheme, &target(&server)).first().await;
    let mut asked = server.asked();
    asked.sort();
    assert_eq!(asked, ["udp A orders.test.", "udp AAAA orders.test."]);
}

/// Remembers by whose name peers were connected to.
#[derive(Clone)]
struct Remembering(Net, Arc<Mutex<Vec<String>>>);

impl Connector for Remembering {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let authority = address.authority().map(ToString::to_string);
        let called = format!("{address} as {}", authority.unwrap_or_default());
        self.1.lock().unwrap().push(called);
        self.0.connect(address)
    }
}

#[tokio::test]
async fn a_channel_follows_the_balancers_that_dns_names_and_falls_back_to_the_name_itself() {
    let dns = NameServer::start().await;
    dns.addresses("orders.test.", 60, &["10.0.0.1"]);
    dns.addresses("lb.test.", 60, &["10.0.0.100"]);
    dns.srv("_grpclb._tcp.orders.test.", 60, &[(0, 0, 1, "lb.test.")]);
    let net = Net::default();
    let _fallback = Backend::start(&net, addr(1));
    let _listed = Backend::start(&net, addr(2));
    let connector = Remembering(net.clone(), Arc::default());
    let channel = Channel::builder(target(&dns))
        .connector(connector.clone())
        .build()
        .unwrap();
    // Nobody is there: at once in fallback.
    assert_eq!(patient_call(&channel).await.unwrap().backend, "10.0.0.1");
    assert_eq!(channel.mode(), Mode::Fallback);
    let mut balancer = Balancer::start(&net, addr(100));
    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "orders.test:1");
    stream.initial(None);
    stream.list([server(addr(2), "a")]);
    support::eventually("the list is in force", async || {
        call(&channel).await.unwrap().lb_token == "a"
    })
    .await;
    let called = connector.1.lock().unwrap();
    let expected = [
        "10.0.0.100:1 as lb.test",
        "10.0.0.1:1 as orders.test:1",
        "10.0.0.2:1 as orders.test:1",
    ];
    for text in expected {
        assert!(called.iter().any(|it| it == text), "{text} in {called:?}");
    }
}

#[cfg(feature = "service-config")]
#[tokio::test]
async fn calls_are_made_while_a_service_config_cannot_be_looked_up_and_obey_it_when_it_can() {
    let dns = NameServer::start().await;
    dns.addresses("orders.test.", 60, &["10.0.0.1"]);
    dns.fail("_grpc_config.orders.test.", RecordType::TXT);
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = Channel::builder(target(&dns))
        .connector(net.clone())
        .build()
        .unwrap();
    call(&channel).await.unwrap();
    let config = r#"grpc_config=[{"serviceConfig":
        {"methodConfig": [{"name": [{}], "maxRequestMessageBytes": 1}]}}]"#;
    dns.txt("_grpc_config.orders.test.", 60, &[config]);
    support::eventually("the config is in force", async || {
        call(&channel).await.is_err()
    })
    .await;
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
}
