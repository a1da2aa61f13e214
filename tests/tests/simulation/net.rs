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
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tower_service::Service;

use crate::{
    dials::Dials,
    log::Log,
    pipe::{End, Line, pipe},
};

/// Cheap to clone.
#[derive(Clone)]
pub struct Net {
    state: Arc<Mutex<State>>,
    /// Who dials waits for links to heal.
    links_changed: watch::Sender<()>,
    log: Log,
}

struct State {
    hosts: BTreeMap<SocketAddr, Host>,
    connections: Vec<Connection>,
    recent: BTreeMap<(String, SocketAddr), VecDeque<Instant>>,
    /// Those that are not as they should be.
    links: BTreeMap<(String, SocketAddr), Link>,
    dials: Dials,
    most_dials: usize,
    rng: Rng,
    max_latency: Duration,
}

/// What lies between a party and an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Nothing gets there.
    pub there_held: bool,
    /// Nothing comes back.
    pub back_held: bool,
    /// How much later all arrives.
    pub extra: Duration,
}

impl Link {
    fn is_open(self) -> bool {
        !self.there_held && !self.back_held
    }

    fn apply(self, line: &Line) {
        line.set([self.there_held, self.back_held], self.extra);
    }
}

enum Host {
    Listening {
        listener: mpsc::UnboundedSender<End>,
        /// It does more than to accept.
        speaks: bool,
    },
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
    /// More than `most_dials` within a second from one party to one address are a loop
    /// without a back-off.
    pub fn new(rng: Rng, max_latency: Duration, most_dials: usize, log: Log) -> Self {
        let state = State {
            hosts: BTreeMap::new(),
            connections: Vec::new(),
            recent: BTreeMap::new(),
            links: BTreeMap::new(),
            dials: Dials::default(),
            most_dials,
            rng,
            max_latency,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            links_changed: watch::Sender::new(()),
            log,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn listen(&self, at: SocketAddr) -> mpsc::UnboundedReceiver<End> {
        self.listen_as(at, true)
    }

    /// `speaks`: it will do more than to accept.
    pub fn listen_as(&self, at: SocketAddr, speaks: bool) -> mpsc::UnboundedReceiver<End> {
        let (listener, receiver) = mpsc::unbounded_channel();
        let host = Host::Listening { listener, speaks };
        self.lock().hosts.insert(at, host);
        receiver
    }

    /// From now on, also for the connections that are open.
    pub fn set_link(&self, from: &str, to: SocketAddr, link: Link) {
        let mut state = self.lock();
        let connections = state.connections.iter();
        for connection in connections.filter(|it| it.from == from && it.to == to) {
            link.apply(&connection.line);
        }
        state.links.insert((from.to_owned(), to), link);
        drop(state);
        self.links_changed.send_replace(());
    }

    /// How many connections of `from` are open, by address.
    pub fn open(&self, from: &str) -> BTreeMap<SocketAddr, usize> {
        let mut state = self.lock();
        state.connections.retain(|it| !it.line.is_over());
        let mut open = BTreeMap::new();
        for connection in state.connections.iter().filter(|it| it.from == from) {
            *open.entry(connection.to).or_default() += 1;
        }
        open
    }

    /// Who dialled whom when.
    pub fn dials(&self) -> Dials {
        self.lock().dials.clone()
    }

    /// Waits until there is a way from the one to the other.
    async fn way(&self, from: &str, to: SocketAddr) {
        let mut changed = self.links_changed.subscribe();
        let is_open = |state: &State| {
            let link = state.links.get(&(from.to_owned(), to));
            link.is_none_or(|link| link.is_open())
        };
        let _ = changed.wait_for(|()| is_open(&self.lock())).await;
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
        let dialled = self.lock().dials.begin(&from, to);
        let latency = {
            let mut state = self.lock();
            let max = state.max_latency.as_micros() as u64;
            Duration::from_micros(state.rng.u64(0..=max))
        };
        sleep(latency).await;
        self.way(&from, to).await;
        let accepted = {
            let mut state = self.lock();
            let state = &mut *state;
            let (ours, theirs, line) = pipe(state.rng.fork(), state.max_latency);
            if let Some(link) = state.links.get(&(from.clone(), to)) {
                link.apply(&line);
            }
            let held = match state.hosts.get(&to) {
                None => return Err(io::ErrorKind::ConnectionRefused.into()),
                Some(Host::Listening { listener, speaks }) => {
                    if listener.send(theirs).is_err() {
                        return Err(io::ErrorKind::ConnectionRefused.into());
                    }
                    if *speaks {
                        state.dials.reached(&from, to, dialled);
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
        let state = &mut *state;
        let recent = state.recent.entry((from.to_owned(), to)).or_default();
        while recent
            .front()
            .is_some_and(|at| now - *at > Duration::from_secs(1))
        {
            recent.pop_front();
        }
        recent.push_back(now);
        if recent.len() > state.most_dials {
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
