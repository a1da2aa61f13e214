use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::time::Instant;

use super::{super::lookup::LookupFuture, *};
use crate::{Address, ResolveError, ResolverController};

/// A name server in memory.
#[derive(Clone, Default)]
struct NameServer {
    known: Arc<Mutex<HashMap<String, Vec<IpAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    fn set(&self, name: &str, ips: &[[u8; 4]]) {
        let ips = ips.iter().copied().map(IpAddr::from).collect();
        self.known.lock().unwrap().insert(name.to_owned(), ips);
    }

    fn forget(&self, name: &str) {
        self.known.lock().unwrap().remove(name);
    }
}

impl Lookup for NameServer {
    fn lookup(&self, host: &str) -> LookupFuture {
        self.asked.fetch_add(1, SeqCst);
        if host == "hangs" {
            return Box::pin(std::future::pending());
        }
        let found = self.known.lock().unwrap().get(host).cloned();
        Box::pin(async move { found.ok_or_else(|| io::Error::other("no such host")) })
    }
}

struct Sink(Vec<ResolverUpdate>);

impl ResolverController for Sink {
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    fn update(&mut self, update: ResolverUpdate) {
        self.0.push(update);
    }
}

struct World {
    names: NameServer,
    resolver: Box<dyn Resolver>,
    work: WorkScheduler,
}

impl World {
    fn new(names: NameServer, addresses: &[&str], balancers: &[&str]) -> Self {
        Self::with_min_interval(names, addresses, balancers, MIN_INTERVAL)
    }

    fn with_min_interval(
        names: NameServer,
        addresses: &[&str],
        balancers: &[&str],
        min_interval: Duration,
    ) -> Self {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let work = WorkScheduler::default();
        let builder =
            DnsBuilder::with_lookup(parse(addresses), parse(balancers), Arc::new(names.clone()))
                .min_interval(min_interval);
        Self {
            names,
            resolver: builder.build(work.clone()),
            work,
        }
    }

    /// What it says once it has nothing to add for a while.
    async fn latest(&mut self) -> ResolverUpdate {
        let mut latest = self.next().await;
        let pause = Duration::from_millis(500);
        while let Ok(next) = tokio::time::timeout(pause, self.next()).await {
            latest = next;
        }
        latest
    }

    async fn next(&mut self) -> ResolverUpdate {
        loop {
            self.work.scheduled().await;
            let mut sink = Sink(Vec::new());
            self.resolver.work(&mut sink);
            if let Some(update) = sink.0.pop() {
                return update;
            }
        }
    }
}

fn texts(found: &Result<Arc<[Address]>, ResolveError>) -> Vec<String> {
    let found = found.as_ref().unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn names_stand_for_all_their_addresses_beside_literals() {
    let names = NameServer::default();
    names.set("backends", &[[10, 0, 0, 1], [10, 0, 0, 2]]);
    names.set("lb", &[[10, 0, 0, 9]]);
    let mut world = World::new(
        names,
        &["backends:80", "10.0.0.3:81", "10.0.0.1:80"],
        &["lb:7"],
    );
    let update = world.latest().await;
    let expected = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:81"];
    assert_eq!(texts(&update.addresses), expected);
    let balancers = update.balancers.unwrap();
    let authority = balancers[0].authority().unwrap();
    assert_eq!(
        authority.as_str(),
        "lb:7",
        "a balancer is called by its name"
    );
}

#[tokio::test(start_paused = true)]
async fn names_are_looked_up_again_and_keep_their_last_good_addresses() {
    let names = NameServer::default();
    names.set("lb", &[[10, 0, 0, 1]]);
    let began = Instant::now();
    let mut world = World::new(names, &["fallback:80"], &["lb:7"]);
    world.names.set("fallback", &[[10, 0, 0, 8]]);
    assert_eq!(texts(&world.latest().await.balancers), ["10.0.0.1:7"]);
    world.names.set("lb", &[[10, 0, 0, 2], [10, 0, 0, 3]]);
    let update = world.next().await;
    assert_eq!(texts(&update.balancers), ["10.0.0.2:7", "10.0.0.3:7"]);
    assert_eq!(began.elapsed().as_secs(), MIN_INTERVAL.as_secs());
    // A failure alone is nothing new.
    world.names.forget("lb");
    tokio::time::sleep(MIN_INTERVAL).await;
    world.names.set("fallback", &[[10, 0, 0, 9]]);
    let update = world.next().await;
    assert_eq!(texts(&update.balancers), ["10.0.0.2:7", "10.0.0.3:7"]);
    assert_eq!(texts(&update.addresses), ["10.0.0.9:80"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_never_found_is_an_error_and_tried_again_soon() {
    let names = NameServer::default();
    names.set("backends", &[[10, 0, 0, 1]]);
    let mut world = World::new(names, &["backends:80"], &["lb:7"]);
    let update = world.latest().await;
    assert_eq!(texts(&update.addresses), ["10.0.0.1:80"]);
    assert_eq!(
        update.balancers.unwrap_err().to_string(),
        "resolve lb:7: no such host"
    );
    world.names.set("lb", &[[10, 0, 0, 9]]);
    let began = Instant::now();
    assert_eq!(texts(&world.next().await.balancers), ["10.0.0.9:7"]);
    assert!(began.elapsed() <= Duration::from_millis(1_250));
    // Only what was missing.
    assert_eq!(world.names.asked.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn requests_do_not_make_lookups_more_frequent() {
    let names = NameServer::default();
    names.set("lb", &[[10, 0, 0, 1]]);
    let mut world = World::new(names, &[], &["lb:7"]);
    world.next().await;
    for _ in 0..100 {
        world.resolver.resolve_now();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.names.asked.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_heard_once_the_least_interval_is_over() {
    let names = NameServer::default();
    names.set("lb", &[[10, 0, 0, 1]]);
    let least = Duration::from_secs(5);
    let mut world = World::with_min_interval(names, &[], &["lb:7"], least);
    world.next().await;
    let began = Instant::now();
    world.names.set("lb", &[[10, 0, 0, 2]]);
    world.resolver.resolve_now();
    assert_eq!(texts(&world.next().await.balancers), ["10.0.0.2:7"]);
    assert_eq!(began.elapsed().as_secs(), least.as_secs());
    // Later than that, at once.
    tokio::time::sleep(least * 2).await;
    world.names.set("lb", &[[10, 0, 0, 3]]);
    let began = Instant::now();
    world.resolver.resolve_now();
    assert_eq!(texts(&world.next().await.balancers), ["10.0.0.3:7"]);
    assert!(began.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_hangs_holds_up_no_other() {
    let names = NameServer::default();
    names.set("lb", &[[10, 0, 0, 1]]);
    let began = Instant::now();
    let mut world = World::new(names, &["hangs:80"], &["hangs:7", "lb:7"]);
    let update = world.next().await;
    assert_eq!(texts(&update.balancers), ["10.0.0.1:7"]);
    assert_eq!(
        update.addresses.unwrap_err().to_string(),
        "resolve hangs:80: no answer yet"
    );
    assert!(began.elapsed() < Duration::from_secs(1));
    let update = world.next().await;
    assert_eq!(
        update.addresses.unwrap_err().to_string(),
        "resolve hangs:80: no answer within 10s"
    );
    assert_eq!(began.elapsed().as_secs(), LOOKUP_TIMEOUT.as_secs());
}
