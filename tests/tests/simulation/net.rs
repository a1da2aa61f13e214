//! The network: who listens where, and who is connected to whom.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use fastrand::Rng;
use http::Uri;
use hyper_util::rt::TokioIo;
use lookaside_client::{Address, ConnectFuture, Connector, Transport};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tower_service::Service;

use crate::{
    log::Log,
    pipe::{End, Line, pipe},
};

/// More connections than this within a second from one party to one address is a loop
/// without a back-off.
const MAX_CONNECTS_PER_SECOND: usize = 5;

/// Cheap to clone.
#[derive(Clone)]
pub struct Net {
    state: Arc<Mutex<State>>,
    log: Log,
}

struct State {
    hosts: BTreeMap<SocketAddr, Host>,
    connections: Vec<Connection>,
    recent: BTreeMap<(String, SocketAddr), VecDeque<Instant>>,
    rng: Rng,
    max_latency: Duration,
}

enum Host {
    Listening(mpsc::UnboundedSender<End>),
    /// Accepts and says nothing, or does not even accept.
    BlackHole,
}

struct Connection {
    from: String,
    to: SocketAddr,
    opened: Instant,
    line: Line,
    /// The other end, where nobody has it.
    _held: Option<End>,
}

impl Net {
    pub fn new(rng: Rng, max_latency: Duration, log: Log) -> Self {
        let state = State {
            hosts: BTreeMap::new(),
            connections: Vec::new(),
            recent: BTreeMap::new(),
            rng,
            max_latency,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            log,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn listen(&self, at: SocketAddr) -> mpsc::UnboundedReceiver<End> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().hosts.insert(at, Host::Listening(sender));
        receiver
    }

    /// Connections are refused from now on; those that are open stay.
    pub fn close(&self, at: SocketAddr) {
        self.lock().hosts.remove(&at);
    }

    /// Cuts all connections to an address.
    pub fn cut(&self, to: SocketAddr) {
        self.lock().connections.retain(|connection| {
            let it = connection.to == to;
            if it {
                connection.line.cut();
            }
            !it
        });
    }

    /// Nothing comes back from this address any more, until it listens again.
    pub fn black_hole(&self, at: SocketAddr) {
        let mut state = self.lock();
        state.hosts.insert(at, Host::BlackHole);
        for connection in &state.connections {
            if connection.to == at {
                connection.line.silence();
            }
        }
    }

    /// When the oldest living connection between the two was opened.
    pub fn connected_since(&self, from: &str, to: SocketAddr) -> Option<Instant> {
        let mut state = self.lock();
        state.connections.retain(|it| !it.line.is_over());
        let connections = state.connections.iter();
        connections
            .filter(|it| it.from == from && it.to == to && it.line.is_alive())
            .map(|it| it.opened)
            .min()
    }

    /// Connects in the name of `from`.
    pub fn dialer(&self, from: impl Into<String>) -> Dialer {
        Dialer {
            net: self.clone(),
            from: from.into(),
        }
    }

    async fn dial(self, from: String, to: SocketAddr) -> io::Result<End> {
        self.count(&from, to);
        let latency = {
            let mut state = self.lock();
            let max = state.max_latency.as_micros() as u64;
            Duration::from_micros(state.rng.u64(0..=max))
        };
        sleep(latency).await;
        let accepted = {
            let mut state = self.lock();
            let (ours, theirs, line) = pipe(state.rng.fork(), state.max_latency);
            let held = match state.hosts.get(&to) {
                None => return Err(io::ErrorKind::ConnectionRefused.into()),
                Some(Host::Listening(listener)) => {
                    if listener.send(theirs).is_err() {
                        return Err(io::ErrorKind::ConnectionRefused.into());
                    }
                    None
                }
                Some(Host::BlackHole) => {
                    line.silence();
                    Some(theirs)
                }
            };
            let accepted = held.is_none() || state.rng.bool();
            state.connections.push(Connection {
                from,
                to,
                opened: Instant::now(),
                line,
                _held: held,
            });
            accepted.then_some(ours)
        };
        match accepted {
            Some(end) => Ok(end),
            None => std::future::pending().await,
        }
    }

    fn count(&self, from: &str, to: SocketAddr) {
        let now = Instant::now();
        let mut state = self.lock();
        let recent = state.recent.entry((from.to_owned(), to)).or_default();
        while recent
            .front()
            .is_some_and(|at| now - *at > Duration::from_secs(1))
        {
            recent.pop_front();
        }
        recent.push_back(now);
        if recent.len() > MAX_CONNECTS_PER_SECOND {
            let many = recent.len();
            self.log
                .violation(format!("{from} connected to {to} {many} times in a second"));
        }
    }
}

/// Connects in the name of one party, for our client and for tonic's.
#[derive(Clone)]
pub struct Dialer {
    net: Net,
    from: String,
}

impl Dialer {
    /// A connection that nobody speaks on.
    pub async fn open(&self, to: SocketAddr) -> io::Result<End> {
        self.net.clone().dial(self.from.clone(), to).await
    }
}

impl Connector for Dialer {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let to = address.socket_addr().expect("no names on this network");
        let dialled = self.net.clone().dial(self.from.clone(), to);
        Box::pin(async { Ok(Transport::new(dialled.await?)) })
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<End>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let to = uri.authority().map_or("", |authority| authority.as_str());
        let to = to.parse().expect("the URI is a socket address");
        let dialled = self.net.clone().dial(self.from.clone(), to);
        Box::pin(async { Ok(TokioIo::new(dialled.await?)) })
    }
}
