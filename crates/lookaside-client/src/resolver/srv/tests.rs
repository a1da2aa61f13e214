use std::{collections::HashMap, net::IpAddr, sync::Mutex};

use super::{
    records::{Answers, Srv},
    *,
};
use crate::{Address, ResolveError, ResolverController, ResolverUpdate};

/// A name server in memory.
#[derive(Clone, Default)]
struct Zone(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    addresses: HashMap<String, Vec<IpAddr>>,
    srv: Vec<Srv>,
    txt: Vec<String>,
    /// Names that fail, and those that never get an answer.
    fail: Vec<String>,
    hang: Vec<String>,
    ttl: Duration,
    asked: Vec<String>,
}

impl Zone {
    /// `orders` with one backend and one balancer.
    fn new() -> Self {
        let zone = Self::default();
        zone.edit(|it| {
            it.ttl = Duration::from_secs(300);
            it.set("orders", &[[10, 0, 0, 1]]);
            it.set("lb.test.", &[[10, 0, 0, 9]]);
            it.srv = vec![srv(0, 7400, "lb.test.")];
        });
        zone
    }

    fn edit(&self, edit: impl FnOnce(&mut Content)) {
        edit(&mut self.0.lock().unwrap());
    }

    /// What was asked since the last time, sorted.
    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut self.0.lock().unwrap().asked);
        asked.sort();
        asked
    }

    fn answer<T: Send + 'static>(
        &self,
        name: &str,
        find: impl FnOnce(&Content) -> Vec<T>,
    ) -> Answers<T> {
        let mut zone = self.0.lock().unwrap();
        zone.asked.push(name.to_owned());
        if zone.hang.iter().any(|it| it == name) {
            return Box::pin(std::future::pending());
        }
        let found = if zone.fail.iter().any(|it| it == name) {
            Err(io::Error::other("server failure"))
        } else {
            let (records, ttl) = (find(&zone), zone.ttl);
            Ok(Answer { records, ttl })
        };
        Box::pin(async move { found })
    }
}

impl Content {
    fn set(&mut self, name: &str, ips: &[[u8; 4]]) {
        let ips = ips.iter().copied().map(IpAddr::from).collect();
        self.addresses.insert(name.to_owned(), ips);
    }
}

fn srv(priority: u16, port: u16, host: &str) -> Srv {
    Srv {
        priority,
        weight: 0,
        port,
        host: host.to_owned(),
    }
}

impl Records for Zone {
    fn addresses(&self, host: &str) -> Answers<IpAddr> {
        self.answer(host, |zone| {
            zone.addresses.get(host).cloned().unwrap_or_default()
        })
    }

    fn srv(&self, name: &str) -> Answers<Srv> {
        self.answer(name, |zone| zone.srv.clone())
    }

    fn txt(&self, name: &str) -> Answers<String> {
        self.answer(name, |zone| zone.txt.clone())
    }
}

struct World {
    zone: Zone,
    resolver: Box<dyn Resolver>,
    work: WorkScheduler,
}

struct Sink(Option<ResolverUpdate>);

impl ResolverController for Sink {
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    fn update(&mut self, update: ResolverUpdate) {
        self.0 = Some(update);
    }
}

impl World {
    fn new(zone: Zone) -> Self {
        let work = WorkScheduler::default();
        let builder = SrvBuilder {
            name: "orders".into(),
            port: 443,
            records: Arc::new(zone.clone()),
            balancers: true,
            service_config: true,
            min_interval: Duration::from_secs(30),
        };
        Self {
            zone,
            resolver: builder.build(work.clone()),
            work,
        }
    }

    async fn next(&mut self) -> ResolverUpdate {
        loop {
            self.work.scheduled().await;
            let mut sink = Sink(None);
            self.resolver.work(&mut sink);
            if let Some(update) = sink.0 {
                return update;
            }
        }
    }

    /// What it says once it has nothing to add for a moment.
    async fn latest(&mut self) -> ResolverUpdate {
        let mut latest = self.next().await;
        let pause = Duration::from_millis(100);
        while let Ok(next) = timeout(pause, self.next()).await {
            latest = next;
        }
        latest
    }
}

fn texts(found: &Result<Arc<[Address]>, ResolveError>) -> Vec<String> {
    let found = found.as_ref().unwrap().iter();
    found
        .map(|address| match address.authority() {
            Some(authority) => format!("{address} as {authority}"),
            None => address.to_string(),
        })
        .collect()
}

fn config(update: &ResolverUpdate) -> &str {
    update.service_config.as_ref().unwrap().as_ref().unwrap()
}

fn text<T: std::fmt::Debug>(error: &Result<T, ResolveError>) -> String {
    error.as_ref().unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_name_has_backends_balancers_and_a_service_config() {
    let zone = Zone::new();
    zone.edit(|it| {
        it.set("lb2.test.", &[[10, 0, 0, 7], [10, 0, 0, 8]]);
        it.srv = vec![srv(2, 7401, "lb2.test."), srv(1, 7400, "lb.test.")];
        it.txt = vec![r#"grpc_config=[{"serviceConfig":{"a":[]}}]"#.to_owned()];
    });
    let mut world = World::new(zone);
    let update = world.latest().await;
    assert_eq!(texts(&update.addresses), ["10.0.0.1:443"]);
    let expected = [
        "10.0.0.9:7400 as lb.test",
        "10.0.0.7:7401 as lb2.test",
        "10.0.0.8:7401 as lb2.test",
    ];
    assert_eq!(
        texts(&update.balancers),
        expected,
        "by priority, without dots"
    );
    let config = update.service_config.unwrap().unwrap();
    assert_eq!(&*config, r#"{"a":[]}"#);
    let asked = [
        "_grpc_config.orders",
        "_grpclb._tcp.orders",
        "lb.test.",
        "lb2.test.",
        "orders",
    ];
    assert_eq!(world.zone.asked(), asked);
}

#[tokio::test(start_paused = true)]
async fn all_is_looked_up_again_when_the_shortest_time_to_live_is_over() {
    let mut world = World::new(Zone::new());
    world.latest().await;
    world.zone.asked();
    world.zone.edit(|it| it.set("orders", &[[10, 0, 0, 2]]));
    let began = Instant::now();
    let update = world.latest().await;
    assert_eq!(texts(&update.addresses), ["10.0.0.2:443"]);
    let after = began.elapsed().as_secs();
    assert!((299..=300).contains(&after), "after {after} s");
    assert_eq!(world.zone.asked().len(), 4);
    // A wish is heard earlier.
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.zone.edit(|it| it.set("lb.test.", &[[10, 0, 0, 8]]));
    world.resolver.resolve_now();
    let update = world.latest().await;
    assert_eq!(texts(&update.balancers), ["10.0.0.8:7400 as lb.test"]);
    assert!(began.elapsed() < Duration::from_secs(400));
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_an_error_alone_and_looked_up_again_alone() {
    let zone = Zone::new();
    zone.edit(|it| {
        it.fail = vec!["_grpclb._tcp.orders".into(), "_grpc_config.orders".into()];
    });
    let mut world = World::new(zone);
    let update = world.latest().await;
    assert_eq!(texts(&update.addresses), ["10.0.0.1:443"]);
    assert_eq!(
        text(&update.balancers),
        "resolve orders:443: balancers: server failure"
    );
    // Nobody knows whether there is one: the calls must not fail for it.
    assert_eq!(update.service_config, None);
    world.zone.asked();
    world.zone.edit(|it| {
        it.fail.clear();
        it.txt = vec![r#"grpc_config=[{"serviceConfig":{"a":[]}}]"#.to_owned()];
    });
    let began = Instant::now();
    let update = world.latest().await;
    assert_eq!(texts(&update.balancers), ["10.0.0.9:7400 as lb.test"]);
    assert_eq!(config(&update), r#"{"a":[]}"#);
    assert!(began.elapsed() < Duration::from_secs(2));
    let asked = ["_grpc_config.orders", "_grpclb._tcp.orders", "lb.test."];
    assert_eq!(world.zone.asked(), asked);
}

#[tokio::test(start_paused = true)]
async fn a_service_config_stays_while_it_cannot_be_looked_up_and_one_that_is_none_is_an_error() {
    let zone = Zone::new();
    zone.edit(|it| it.txt = vec![r#"grpc_config=[{"serviceConfig":{"a":[]}}]"#.to_owned()]);
    let mut world = World::new(zone);
    assert_eq!(config(&world.latest().await), r#"{"a":[]}"#);
    world.zone.edit(|it| {
        it.fail = vec!["_grpc_config.orders".into()];
        it.set("orders", &[[10, 0, 0, 2]]);
    });
    let update = world.latest().await;
    assert_eq!(texts(&update.addresses), ["10.0.0.2:443"]);
    assert_eq!(config(&update), r#"{"a":[]}"#);
    world.zone.edit(|it| {
        it.fail.clear();
        it.txt = vec!["grpc_config=5".to_owned()];
    });
    let update = world.latest().await;
    let error = text(&update.service_config.unwrap());
    assert!(
        error.starts_with("resolve orders:443: service config: grpc_config=... "),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn balancers_do_without_backends_and_backends_that_hang_hold_them_up_no_longer() {
    let zone = Zone::new();
    zone.edit(|it| it.hang = vec!["orders".into()]);
    let mut world = World::new(zone);
    let began = Instant::now();
    let update = world.next().await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(texts(&update.balancers), ["10.0.0.9:7400 as lb.test"]);
    assert_eq!(text(&update.addresses), "resolve orders:443: no answer yet");
    let update = world.next().await;
    assert_eq!(
        text(&update.addresses),
        "resolve orders:443: no answer within 10s"
    );
    assert_eq!(began.elapsed().as_secs(), 10);
    // A name that has balancers may have no addresses.
    world.zone.edit(|it| {
        it.hang.clear();
        it.addresses.remove("orders");
    });
    let update = world.next().await;
    assert_eq!(texts(&update.addresses), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_balancer_that_cannot_be_resolved_leaves_the_others() {
    let zone = Zone::new();
    zone.edit(|it| {
        it.srv.push(srv(1, 7400, "bad.test."));
        it.fail = vec!["bad.test.".into()];
    });
    let mut world = World::new(zone);
    let update = world.latest().await;
    assert_eq!(texts(&update.balancers), ["10.0.0.9:7400 as lb.test"]);
    // One that could be resolved before stays what it was.
    world.zone.edit(|it| {
        it.srv.push(srv(2, 7400, "new.test."));
        it.set("new.test.", &[[10, 0, 0, 8]]);
        it.fail.push("lb.test.".into());
    });
    let update = world.latest().await;
    let both = ["10.0.0.9:7400 as lb.test", "10.0.0.8:7400 as new.test"];
    assert_eq!(texts(&update.balancers), both);
    world
        .zone
        .edit(|it| it.srv.retain(|it| it.host == "bad.test."));
    tokio::time::sleep(Duration::from_secs(301)).await;
    let update = world.latest().await;
    assert_eq!(
        text(&update.balancers),
        "resolve orders:443: balancers: balancer bad.test.: server failure"
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_without_anything_is_an_error_that_is_tried_again() {
    let zone = Zone::default();
    let mut world = World::new(zone);
    let update = world.next().await;
    assert_eq!(text(&update.addresses), "resolve orders:443: no addresses");
    assert_eq!(update.balancers, Ok(Arc::default()));
    world.zone.edit(|it| it.set("orders", &[[10, 0, 0, 1]]));
    let began = Instant::now();
    assert_eq!(texts(&world.next().await.addresses), ["10.0.0.1:443"]);
    assert!(began.elapsed() < Duration::from_secs(2));
}
