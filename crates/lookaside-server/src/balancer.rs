mod check;
mod connect;
mod ports;
mod shutdown;
mod start;
mod stuck;
mod tasks;

use std::{
    future::{Future, pending},
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::AtomicBool},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::start::StartError;
pub(crate) use self::tasks::Tasks;
use crate::{
    Access, Readiness, Timeouts,
    access::Peer,
    balance_load::BalanceLoad,
    drain::Drain,
    http::{ClientService, Routes},
    listener::{Connection, Http, Stop},
    metrics::Metrics,
    peers::Peers,
    reload::{Reloaded, Reloads},
    seldom::Seldom,
    table::Table,
    tls::Acceptor,
};

/// A running balancer.
///
/// Dropping it ends it at once; [`Balancer::shutdown`] ends it so that no client notices.
#[derive(Debug)]
pub struct Balancer {
    client_addr: SocketAddr,
    admin_addr: SocketAddr,
    readiness: watch::Receiver<Readiness>,
    running: Arc<Running>,
    timeouts: Timeouts,
    shutting_down: AtomicBool,
    reloads: Arc<Reloads>,
    /// Everything but connections and streams: the one that looks after the others.
    _supervisor: JoinSet<()>,
}

/// What connections are served with.
#[derive(Debug)]
struct Running {
    balance_load: Arc<BalanceLoad>,
    routes: Arc<Routes>,
    admin_routes: Arc<Routes>,
    http: Http,
    table: Arc<Table>,
    drain: Arc<Drain>,
    metrics: Arc<Metrics>,
    max_connections: usize,
    connections_of_peers: Arc<Peers>,
    readiness: watch::Sender<Readiness>,
    access: Arc<Access>,
    client_tls: Option<Acceptor>,
    admin_tls: Option<Acceptor>,
    seldom: Seldom,
    /// Cancelled: the client port is closed.
    close_port: CancellationToken,
    port: TaskTracker,
    connections: TaskTracker,
    stop: Arc<Stop>,
    admin_connections: TaskTracker,
    stop_admin: Arc<Stop>,
}

impl Balancer {
    /// Where clients connect, once it is [`Readiness::Ready`]; until then connections are
    /// refused there, so that clients go to the next replica.
    pub fn client_addr(&self) -> SocketAddr {
        self.client_addr
    }

    /// Where operators connect, from the start.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Whether it takes streams, now and after every change.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// Waits until the client port is open.
    pub async fn ready(&self) {
        let mut readiness = self.readiness.clone();
        // The sender lives as long as `self`.
        let _ = readiness.wait_for(Readiness::is_ready).await;
    }

    /// Waits until a task that the balancer cannot do without has failed, and says which:
    /// it goes on serving the lists it has, which get older. Who hears of it should hand
    /// the clients over ([`Balancer::shutdown`]) and start anew.
    pub async fn failed(&self) -> Arc<str> {
        let mut readiness = self.readiness.clone();
        let is_failed = |now: &Readiness| matches!(now, Readiness::Failed(_));
        let now = readiness
            .wait_for(is_failed)
            .await
            .ok()
            .map(|now| now.clone());
        match now {
            Some(Readiness::Failed(reason)) => reason,
            // The sender lives as long as `self`.
            _ => pending().await,
        }
    }

    /// Reads the files that [`Tls`](crate::Tls) names, and whatever
    /// [`Config::reload`](crate::Config::reload) is for, again: now and not in a few
    /// seconds. Says of each file what came of it.
    pub async fn reload(&self) -> Vec<Reloaded> {
        self.reloads.all().await
    }

    /// Serves a client on any connection, as in a simulation. Returns when it ends.
    pub async fn serve_connection<IO>(&self, io: IO, peer: Option<IpAddr>)
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let running = Arc::clone(&self.running);
        let peer = Arc::new(Peer::new(&running.access, peer, None));
        let serve = async move {
            let _counted = running.metrics.connection();
            running.serve(io, peer, None).await;
        };
        self.running.connections.track_future(serve).await;
    }
}

impl Running {
    /// Serves one connection to its end. Says whether it was one in TLS.
    fn serve<IO>(
        &self,
        io: IO,
        peer: Arc<Peer>,
        port: Option<u16>,
    ) -> impl Future<Output = bool> + use<IO>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let connection = Arc::new(Connection::new(peer, port));
        let service = self.service(&connection);
        let stop = Arc::clone(&self.stop);
        self.http.serve_http2(io, service, connection, stop)
    }

    fn service(&self, connection: &Arc<Connection>) -> ClientService {
        self.service_with(&self.routes, connection)
    }

    /// As [`Running::service`], with what is for operators alone.
    fn admin_service(&self, connection: &Arc<Connection>) -> ClientService {
        self.service_with(&self.admin_routes, connection)
    }

    fn service_with(&self, routes: &Arc<Routes>, connection: &Arc<Connection>) -> ClientService {
        ClientService::new(
            Arc::clone(&self.balance_load),
            Arc::clone(routes),
            Arc::clone(connection),
        )
    }
}
