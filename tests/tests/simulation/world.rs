//! All that there is, and what can happen to it.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use fastrand::Rng;
use lookaside_agent::{Agent, Target};
use lookaside_core::{Drop, Drops, ServiceName, Settings};
use lookaside_registry::{MemoryLimits, MemoryRegistry, Registry};
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};

use crate::{
    backend::Server,
    client::Client,
    log::Log,
    net::Net,
    observer::Observer,
    replica::Replica,
    view::View,
    witness::{Up, Witness},
};

pub const SERVICE: &str = "orders";

/// How long a crashed backend stays registered.
const TTL: Duration = Duration::from_secs(5);

/// By then every agent has renewed and found its registration gone, twice over.
pub const REGISTRATION_RETURNS: Duration = Duration::from_secs(5);

/// More connections than this within a second from one party to one address is a loop
/// without a back-off.
const MOST_DIALS: usize = 5;

/// How often the witness looks.
const LOOK: Duration = Duration::from_millis(100);

pub struct World {
    pub rng: Rng,
    pub log: Log,
    pub net: Net,
    pub witness: Witness,
    pub registry: Arc<MemoryRegistry>,
    pub settings: Settings,
    pub backends: BTreeMap<usize, Backend>,
    pub replicas: Vec<Replica>,
    pub clients: Vec<Client>,
    pub report_interval: Duration,
    pub max_latency: Duration,
    /// What goes on beside the next events: drains, departures.
    pub beside: JoinSet<()>,
    fallbacks: Vec<Server>,
    watchers: JoinSet<()>,
    next_client: usize,
}

/// A backend that is registered.
pub struct Backend {
    pub at: SocketAddr,
    pub weight: u32,
    agent: Agent,
    server: Server,
}

/// Where the `n`-th of each kind is.
pub fn backend_at(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n as u8], 50051))
}

pub fn replica_at(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, n as u8], 7400))
}

pub fn fallback_at(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 2, n as u8], 50051))
}

fn service() -> ServiceName {
    ServiceName::new(SERVICE).expect("a name")
}

impl World {
    pub async fn new(seed: u64, log: Log) -> Self {
        let mut rng = Rng::with_seed(seed);
        let max_latency = Duration::from_micros(*rng.choice(&[0, 1_000, 10_000]).expect("some"));
        let report_interval = Duration::from_secs(rng.u64(2..=10));
        let witness = Witness::new(log.clone(), service());
        let registry = Arc::new(MemoryRegistry::new(MemoryLimits::default()));
        let net = Net::new(rng.fork(), max_latency, MOST_DIALS, log.clone());
        let mut world = Self {
            net,
            witness,
            registry,
            settings: Settings::default(),
            backends: BTreeMap::new(),
            replicas: Vec::new(),
            clients: Vec::new(),
            report_interval,
            max_latency,
            beside: JoinSet::new(),
            fallbacks: Vec::new(),
            watchers: JoinSet::new(),
            next_client: 0,
            rng,
            log,
        };
        // A service with settings is known, whatever its backends: no stream is refused.
        world.set(Settings::default()).await;
        let replicas = world.rng.usize(1..=3);
        world.log.event(format!(
            "{replicas} replicas, latency up to {max_latency:?}, reports every {report_interval:?}"
        ));
        for n in 0..replicas {
            world.add_replica(n);
        }
        for n in 0..2 {
            let (at, rng) = (fallback_at(n), world.rng.fork());
            world.witness.fallback_server(at);
            let server = Server::start(&world.net, at, world.witness.clone(), rng);
            world.fallbacks.push(server);
        }
        let (net, witness) = (world.net.clone(), world.witness.clone());
        let replicas: Vec<_> = world.replicas.iter().map(|it| it.at).collect();
        world.watchers.spawn(async move {
            let mut looks = interval(LOOK);
            loop {
                looks.tick().await;
                witness.look(&net, &replicas);
            }
        });
        world
    }

    fn add_replica(&mut self, n: usize) {
        let (at, net, witness) = (replica_at(n), self.net.clone(), self.witness.clone());
        let view = View::new(n, &*self.registry, witness.clone());
        let observer = Observer {
            replica: n,
            at,
            service: SERVICE.to_owned(),
            net: net.clone(),
            log: self.log.clone(),
            witness: witness.clone(),
        };
        let mut replica = Replica::new(n, at, view, net, witness, self.report_interval);
        replica.start();
        self.replicas.push(replica);
        self.watchers.spawn(observer.run());
    }

    pub fn join(&mut self, n: usize, weight: u32) {
        let at = backend_at(n);
        self.witness.let_go(at);
        // The line to whatever was there before is gone.
        self.net.cut(at);
        self.witness.server(at, Up::Serving);
        let rng = self.rng.fork();
        let server = Server::start(&self.net, at, self.witness.clone(), rng);
        let registrar = self.registry.registrar().expect("it can be written");
        let agent = Agent::builder(SERVICE, at)
            .weight(weight)
            .ttl(TTL)
            .register(Target::registrar(registrar))
            .expect("an address and a name");
        let backend = Backend {
            at,
            weight,
            agent,
            server,
        };
        self.backends.insert(n, backend);
    }

    /// It drains, deregisters, stays for a while, and stops.
    pub fn leave(&mut self, n: usize, stays: Duration) {
        self.witness.let_go(backend_at(n));
        let Some(backend) = self.backends.remove(&n) else {
            return;
        };
        let witness = self.witness.clone();
        self.beside.spawn(async move {
            backend.agent.shutdown().await;
            sleep(stays).await;
            backend.server.stop().await;
            witness.server(backend.at, Up::Stopped);
        });
    }

    /// Its process dies.
    pub fn crash(&mut self, n: usize) {
        self.witness.let_go(backend_at(n));
        if let Some(backend) = self.backends.remove(&n) {
            self.witness.server(backend.at, Up::Crashed);
            self.net.close(backend.at);
            self.net.cut(backend.at);
        }
    }

    /// Its machine dies.
    pub fn vanish(&mut self, n: usize) {
        self.witness.let_go(backend_at(n));
        if let Some(backend) = self.backends.remove(&n) {
            self.witness.server(backend.at, Up::Vanished);
            self.net.black_hole(backend.at);
        }
    }

    pub fn weigh(&mut self, n: usize, weight: u32) {
        self.witness.let_go(backend_at(n));
        if let Some(backend) = self.backends.get_mut(&n) {
            backend.weight = weight;
            backend.agent.set_weight(weight);
        }
    }

    pub fn go_away(&self, n: usize) {
        if let Some(backend) = self.backends.get(&n) {
            backend.server.go_away();
        }
    }

    /// All registrations run out at the same moment, as after a fault of the registry.
    pub async fn expire_all(&mut self) {
        for replica in &self.replicas {
            replica.view.freeze(true);
        }
        self.witness.leases_run_out();
        let registrar = self.registry.registrar().expect("it can be written");
        for held in self.registry.held().await.expect("it has not ended") {
            let ended = registrar.deregister(&held.handle).await;
            ended.expect("it has not ended");
        }
        for replica in &self.replicas {
            replica.view.freeze(false);
        }
    }

    pub async fn set_drops(&mut self, drops: &[(&str, u32)]) {
        let drops = drops.iter().map(|(category, per_million)| Drop {
            category: (*category).into(),
            per_million: *per_million,
        });
        let mut settings = self.settings.clone();
        settings.drops = Drops::new(drops).expect("at most all calls");
        self.set(settings).await;
    }

    pub async fn set_fallback(&mut self, fallback: bool) {
        let mut settings = self.settings.clone();
        settings.fallback = fallback;
        self.set(settings).await;
    }

    async fn set(&mut self, settings: Settings) {
        self.settings = settings.clone();
        let set = self.registry.set_settings(service(), settings).await;
        set.expect("there is room");
    }

    pub fn add_client(&mut self, has_fallback: bool) -> String {
        let name = format!("c{}", self.next_client);
        self.next_client += 1;
        let balancers: Vec<_> = self.replicas.iter().map(|it| it.at).collect();
        let fallback = if has_fallback {
            vec![fallback_at(0), fallback_at(1)]
        } else {
            Vec::new()
        };
        let client = Client::start(
            name.clone(),
            SERVICE,
            &balancers,
            &fallback,
            &self.net,
            &self.witness,
            &mut self.rng,
        );
        self.clients.push(client);
        name
    }

    /// Ends all that is not a client.
    pub async fn end(mut self) {
        self.watchers.shutdown().await;
        self.beside.shutdown().await;
        for replica in &mut self.replicas {
            replica.drain().await;
        }
        for (_, backend) in std::mem::take(&mut self.backends) {
            backend.agent.deregister().await;
            backend.server.stop().await;
        }
        for server in std::mem::take(&mut self.fallbacks) {
            server.stop().await;
        }
    }
}
