//! A channel, its balancer and its backends, all by hand.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use lookaside_client::{
    Address, Builder, Channel, ConnectivityState, Mode, Resolver, ResolverBuilder,
    ResolverController, ResolverUpdate, WorkScheduler,
};
use lookaside_proto::lb::Server;

use crate::support::{
    self, addr,
    backend::Backend,
    balancer::{Balancer, BalancerStream, server},
    calls::{call, patient_call},
    net::Net,
};

/// Where the balancer is.
pub(crate) const BALANCER: u8 = 100;
/// Where a second one is, if there is one.
pub(crate) const SECOND: u8 = 101;
/// Where the fallback backend is.
pub(crate) const FALLBACK: u8 = 50;

/// A channel for `orders` whose resolver found one balancer and one fallback address.
pub(crate) struct World {
    pub(crate) channel: Channel,
    scene: Scene,
}

/// All but the channel.
pub(crate) struct Scene {
    pub(crate) net: Net,
    pub(crate) resolver: Scripted,
    balancer: Option<Balancer>,
    backends: BTreeMap<u8, Backend>,
}

impl Deref for World {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Scene {
        &mut self.scene
    }
}

impl World {
    /// With the balancer, the fallback backend and backends 1 to `backends`.
    pub(crate) fn new(backends: u8) -> Self {
        Self::with(backends, |builder| builder)
    }

    /// The same, configured.
    pub(crate) fn with(backends: u8, configure: impl FnOnce(Builder) -> Builder) -> Self {
        let mut world = Self::dark(configure);
        world.start_balancer();
        for n in (1..=backends).chain([FALLBACK]) {
            world.start(n);
        }
        world
    }

    /// Nobody is there: neither balancer nor backends.
    pub(crate) fn dark(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let resolver = Scripted::default();
        resolver.set(found([FALLBACK], [BALANCER]));
        Self::resolving(resolver, configure)
    }

    /// The same, with whatever the resolver has found so far.
    pub(crate) fn resolving(
        resolver: Scripted,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let net = Net::default();
        let builder = Channel::builder("orders")
            .resolver_with_balancers(resolver.clone())
            .connector(net.clone());
        Self {
            channel: configure(builder).build().unwrap(),
            scene: Scene {
                net,
                resolver,
                balancer: None,
                backends: BTreeMap::new(),
            },
        }
    }

    /// Closes the channel.
    pub(crate) fn close(self) -> Scene {
        self.scene
    }
}

impl Scene {
    /// Starts a backend.
    pub(crate) fn start(&mut self, n: u8) {
        let backend = Backend::start(&self.net, addr(n));
        self.backends.insert(n, backend);
    }

    /// Ends a backend: its connections are cut, new ones refused. The channel has noticed.
    pub(crate) async fn stop(&mut self, n: u8) {
        self.cut(n);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    /// The same, and nobody has noticed yet.
    pub(crate) fn cut(&mut self, n: u8) {
        self.backends.remove(&n).expect("a backend");
    }

    /// A backend that runs.
    pub(crate) fn backend(&self, n: u8) -> &Backend {
        &self.backends[&n]
    }

    pub(crate) fn start_balancer(&mut self) {
        self.balancer = Some(Balancer::start(&self.net, addr(BALANCER)));
    }

    /// Ends the balancer: its connections are cut, new ones refused.
    pub(crate) fn stop_balancer(&mut self) {
        self.balancer = None;
    }

    /// The balancer, which runs.
    pub(crate) fn balancer(&mut self) -> &mut Balancer {
        self.balancer.as_mut().expect("a balancer")
    }

    /// The balancer's next stream, after the initial messages; no load reports.
    pub(crate) async fn stream(&mut self) -> BalancerStream {
        self.balancer().stream().await
    }

    /// The same, with a report every `interval`.
    pub(crate) async fn reporting_stream(&mut self, interval: Duration) -> BalancerStream {
        let mut stream = self.balancer().raw_stream().await;
        assert_eq!(stream.name().await, "orders");
        stream.initial(Some(interval));
        stream
    }
}

impl World {
    /// The next stream, and a list on it whose backends are all READY.
    pub(crate) async fn working(&mut self, list: &[Server]) -> BalancerStream {
        let stream = self.stream().await;
        stream.list(list.iter().cloned());
        self.settled(list).await;
        stream
    }

    /// Waits until every backend of a list is connected and the list in force.
    pub(crate) async fn settled(&self, list: &[Server]) {
        self.enters(Mode::Balancer).await;
        self.ready().await;
        let listed = |n: &u8| {
            let socket = addr(*n);
            list.iter().any(|entry| entry.ip_address == octets(socket))
        };
        for backend in self.backends.iter().filter(|(n, _)| listed(n)) {
            let connected = async || backend.1.open() > 0;
            support::eventually("a listed backend is connected", connected).await;
        }
        // The SETTINGS are exchanged, the pickers published.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    /// Waits for a mode.
    pub(crate) async fn enters(&self, mode: Mode) {
        let what = format!("mode {mode}");
        support::eventually(&what, async || self.channel.mode() == mode).await;
    }

    /// Waits for READY.
    pub(crate) async fn ready(&self) {
        let ready = async || self.channel.state() == ConnectivityState::Ready;
        support::eventually("READY", ready).await;
    }

    /// Which backend answers a call that waits for ready: its number.
    pub(crate) async fn answered_by(&self) -> u8 {
        let answer = patient_call(&self.channel).await.unwrap();
        number(&answer.backend)
    }

    /// The token of a call that must not fail.
    pub(crate) async fn token(&self) -> String {
        call(&self.channel).await.expect("no call fails").lb_token
    }

    /// Calls until a token is in use. No call fails meanwhile.
    pub(crate) async fn uses(&self, token: &str) {
        let what = format!("token {token:?} in use");
        support::eventually(&what, async || self.token().await == token).await;
    }

    /// What became of a call: its token, or the text of its error, which is UNAVAILABLE.
    pub(crate) async fn outcome(&self) -> Result<String, String> {
        match call(&self.channel).await {
            Ok(answer) => Ok(answer.lb_token),
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::Unavailable, "{status}");
                Err(status.message().to_owned())
            }
        }
    }

    /// Calls until one fails, and says why it did.
    pub(crate) async fn failure(&self) -> String {
        let text = RefCell::new(String::new());
        support::eventually("a call fails", async || match self.outcome().await {
            Ok(_) => false,
            Err(error) => {
                text.replace(error);
                true
            }
        })
        .await;
        text.into_inner()
    }
}

/// `10.0.0.n` as n.
pub(crate) fn number(backend: &str) -> u8 {
    backend.rsplit('.').next().unwrap().parse().unwrap()
}

fn octets(at: std::net::SocketAddr) -> Vec<u8> {
    server(at, "").ip_address
}

/// A list in short: `1a 2b d:x` is backend 1 with token `a`, backend 2 with token `b`, and
/// a drop with token `x`.
pub(crate) fn list(text: &str) -> Vec<Server> {
    let entry = |word: &str| match word.strip_prefix("d:") {
        Some(token) => support::balancer::drop_entry(token),
        None => {
            let digits = word.chars().take_while(char::is_ascii_digit).count();
            let (n, token) = word.split_at(digits);
            server(addr(n.parse().unwrap()), token)
        }
    };
    text.split_whitespace().map(entry).collect()
}

/// What a resolver finds: fallback addresses and balancers.
pub(crate) fn found(
    fallback: impl IntoIterator<Item = u8>,
    balancers: impl IntoIterator<Item = u8>,
) -> ResolverUpdate {
    let addresses = |ns: &mut dyn Iterator<Item = u8>| -> Vec<_> {
        ns.map(|n| Address::new(addr(n))).collect()
    };
    ResolverUpdate::new(addresses(&mut fallback.into_iter()))
        .with_balancers(addresses(&mut balancers.into_iter()))
}

/// A resolver that finds what the test says, and counts how often it is asked to look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted {
    found: Arc<Mutex<Option<ResolverUpdate>>>,
    work: Arc<Mutex<Option<WorkScheduler>>>,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn set(&self, update: ResolverUpdate) {
        *self.found.lock().unwrap() = Some(update);
        if let Some(work) = &*self.work.lock().unwrap() {
            work.schedule_work();
        }
    }

    /// How often the channel asked to resolve again.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

impl ResolverBuilder for Scripted {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        *self.work.lock().unwrap() = Some(work);
        Box::new(self.clone())
    }
}

impl Resolver for Scripted {
    fn resolve_now(&mut self) {
        self.asked.fetch_add(1, SeqCst);
    }

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let found = self.found.lock().unwrap().take();
        if let Some(update) = found {
            controller.update(update);
        }
    }
}
