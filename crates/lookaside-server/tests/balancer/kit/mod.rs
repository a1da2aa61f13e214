//! A balancer with a registry that tests write, and clients that see every frame.

mod client;
mod grpc;
mod prober;
mod registry;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use lookaside_registry::names::Names;
use lookaside_server::{Balancer, Config, Probes};
use tokio::sync::watch;

pub(crate) use self::{
    client::{Client, Stream, first_token, framed},
    grpc::{Grpc, Inspect},
    prober::TestProber,
    registry::{TestRegistry, backend},
};

/// A balancer and what it is fed with.
pub(crate) struct Fixture {
    pub(crate) registry: Arc<TestRegistry>,
    /// Host names resolve to nothing.
    _names: watch::Sender<Arc<Names>>,
    /// Nobody is alive, at first.
    pub(crate) prober: TestProber,
    pub(crate) balancer: Arc<Balancer>,
}

/// The defaults, on ports of the kernel's choice.
pub(crate) fn config() -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    }
}

impl Fixture {
    /// A ready balancer with nothing registered.
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let registry = Arc::new(TestRegistry::empty());
        let fixture = Self::start(registry, change);
        fixture.balancer.ready().await;
        fixture
    }

    pub(crate) fn start(registry: Arc<TestRegistry>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        let prober = TestProber::default();
        config.probes = Probes::new(Arc::new(prober.clone()));
        change(&mut config);
        let (names, names_seen) = watch::channel(Arc::default());
        let balancer = Balancer::start(config, Arc::<TestRegistry>::clone(&registry), names_seen);
        Self {
            registry,
            _names: names,
            prober,
            balancer: Arc::new(balancer.unwrap()),
        }
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(&self.balancer).await
    }

    /// A generated client's connection.
    pub(crate) async fn grpc(&self) -> Grpc {
        Grpc::connect(&self.balancer).await
    }

    pub(crate) async fn inspect(&self) -> Inspect {
        Inspect::new(self.grpc().await)
    }

    /// What `GET /metrics` gives.
    pub(crate) async fn metrics(&self) -> String {
        // On a real socket: time stands still meanwhile.
        tokio::task::spawn_blocking({
            let admin = self.balancer.admin_addr();
            move || {
                let mut stream = std::net::TcpStream::connect(admin).unwrap();
                let request = b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
                std::io::Write::write_all(&mut stream, request).unwrap();
                let mut answer = String::new();
                std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
                answer
            }
        })
        .await
        .unwrap()
    }

    /// A stream for a service on a connection of its own.
    pub(crate) async fn stream(&self, name: &str) -> Stream {
        self.connect().await.ask(name).await
    }
}

/// How long a burst of changes may be merged, and a little.
pub(crate) const MERGED: Duration = Duration::from_millis(101);
