use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{sleep, timeout};

use super::*;
use crate::names::tests::service;

/// Takes a second for each lookup; answers what it is told.
#[derive(Debug, Default)]
struct Fake {
    answers: Mutex<BTreeMap<String, &'static str>>,
    asked: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Lookup for Fake {
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(running, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
        if host == "silent" {
            future::pending::<()>().await;
        }
        assert_ne!(host, "panics", "a lookup that panics");
        self.running.fetch_sub(1, Ordering::Relaxed);
        let answers = self.answers.lock().unwrap();
        let ip = answers.get(host).ok_or(LookupError::NoAddress)?;
        Ok(Answer {
            addresses: vec![ip.parse().unwrap()],
            ttl: Duration::from_secs(60),
            incomplete: None,
        })
    }
}

struct Fixture {
    fake: Arc<Fake>,
    states: watch::Sender<Arc<RegistryState>>,
    names: watch::Receiver<Arc<Names>>,
    _resolver: NameResolver,
}

impl Fixture {
    fn new(answers: &[(&str, &'static str)]) -> Self {
        let fake = Arc::new(Fake::default());
        for (host, ip) in answers {
            fake.answers.lock().unwrap().insert((*host).into(), ip);
        }
        let (states, following) =
            watch::channel(Arc::new(RegistryState::connecting(Instant::now())));
        let resolver = NameResolver::spawn(
            Arc::clone(&fake) as Arc<dyn Lookup>,
            following,
            fastrand::Rng::with_seed(1),
        );
        Self {
            fake,
            states,
            names: resolver.subscribe(),
            _resolver: resolver,
        }
    }

    fn register(&self, addresses: &[&str]) {
        let mut snapshot = Snapshot::default();
        let name = "orders".parse().unwrap();
        snapshot.services.insert(name, Arc::new(service(addresses)));
        let mut state = RegistryState::clone(&self.states.borrow());
        state.backends = Some(Arc::new(snapshot));
        self.states.send_replace(Arc::new(state));
    }

    async fn until(&mut self, holds: impl Fn(&Names) -> bool) -> Arc<Names> {
        let found = timeout(
            Duration::from_secs(3600),
            self.names.wait_for(|it| holds(it)),
        );
        Arc::clone(&found.await.expect("not within an hour").unwrap())
    }

    fn asked(&self) -> usize {
        self.fake.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_followed_as_backends_come_and_go() {
    let mut it = Fixture::new(&[("h", "10.0.0.1"), ("g", "10.0.0.2")]);
    it.register(&["h:1", "10.9.9.9:1"]);
    let names = it.until(|names| names.status("h").is_some()).await;
    assert!(names.covers(&service(&["h:1"])));
    let h = Arc::clone(names.status("h").unwrap());
    assert_eq!(h.addresses[0].to_string(), "10.0.0.1");

    it.register(&["g:1", "h:1"]);
    let names = it.until(|names| names.status("g").is_some()).await;
    assert!(Arc::ptr_eq(&h, names.status("h").unwrap()));

    it.register(&["g:1"]);
    it.until(|names| names.status("h").is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_moved_host_is_noticed_when_its_time_to_live_is_over() {
    let mut it = Fixture::new(&[("h", "10.0.0.1")]);
    it.register(&["h:1"]);
    it.until(|names| names.status("h").is_some()).await;
    let start = Instant::now();
    *it.fake.answers.lock().unwrap().get_mut("h").unwrap() = "10.0.0.2";
    let moved = |names: &Names| {
        let status = names.status("h").unwrap();
        status.addresses[0].to_string() == "10.0.0.2"
    };
    it.until(moved).await;
    assert_eq!(start.elapsed().as_secs(), 61);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_never_ends_or_panics_is_a_failure_of_its_own_name_only() {
    let mut it = Fixture::new(&[("h", "10.0.0.1")]);
    it.register(&["h:1", "panics:1", "silent:1"]);
    let start = Instant::now();
    let all = service(&["h:1", "panics:1", "silent:1"]);
    let names = it.until(|names| names.covers(&all)).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    assert!(names.status("h").unwrap().failure.is_none());
    let error = |host| {
        let failure = names.status(host).unwrap().failure.clone();
        failure.unwrap().error
    };
    assert!(error("silent").contains("no answer within 5s"));
    assert!(error("panics").contains("panic"));
}

#[tokio::test(start_paused = true)]
async fn at_most_so_many_lookups_run_at_once() {
    let mut it = Fixture::new(&[]);
    let addresses: Vec<String> = (0..200).map(|number| format!("h{number}:1")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    it.register(&addresses);
    let all = service(&addresses);
    it.until(|names| names.covers(&all)).await;
    assert_eq!(it.fake.most.load(Ordering::Relaxed), MAX_LOOKUPS);
}

#[tokio::test(start_paused = true)]
async fn addresses_that_need_no_lookup_cost_nothing() {
    let mut it = Fixture::new(&[]);
    it.register(&["10.0.0.1:1", "[::1]:1"]);
    let quiet = timeout(Duration::from_secs(3600), it.names.changed()).await;
    assert!(quiet.is_err(), "published without a name to resolve");
    assert_eq!(it.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_state_with_the_same_backends_asks_nothing_again() {
    let mut it = Fixture::new(&[("h", "10.0.0.1")]);
    it.register(&["h:1"]);
    it.until(|names| names.status("h").is_some()).await;
    for _ in 0..10 {
        let same = RegistryState::clone(&it.states.borrow());
        it.states.send_replace(Arc::new(same));
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(it.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_registry() {
    let Fixture {
        states, mut names, ..
    } = Fixture::new(&[]);
    drop(states);
    assert!(names.changed().await.is_err());
}
