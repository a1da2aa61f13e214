//! Sees everything, and knows what must not be.
//!
//! What a client may do depends on what it can know: its balancer may be dead, silent, or
//! cut off from the registry. So the witness keeps what each view of the registry said
//! when, which servers were up when, and since when each client could hear a healthy
//! balancer. Where it cannot tell, it lets things pass: a broken rule is a bug.

mod calls;
mod streams;
mod suspects;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use lookaside_core::ServiceName;
use lookaside_registry::RegistryState;
use tokio::time::Instant;

pub use self::{
    calls::{Call, Tally},
    streams::Told,
};
use crate::{
    expected::{Contents, Expected},
    log::Log,
    net::Net,
    timeline::Timeline,
};

/// A burst is merged for a second; the rest is latency and a round of connects.
const PROPAGATION: Duration = Duration::from_millis(2500);

/// Connected for so long, a client has had its stream, whatever back-off it was in (the
/// longest after short streams is 12 s).
const ATTACHED: Duration = Duration::from_secs(15);

/// After so long, a client has connected to a server that is up: it may have been in a
/// back-off, or held up by another one that accepts and stays silent (20 s).
const CONNECTED: Duration = Duration::from_secs(30);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Witness {
    log: Log,
    service: ServiceName,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    views: Vec<Timeline<Arc<Expected>>>,
    /// Whether each replica can be talked to.
    replicas: Vec<Timeline<bool>>,
    servers: BTreeMap<SocketAddr, Timeline<Up>>,
    fallbacks: BTreeSet<SocketAddr>,
    clients: BTreeMap<String, Client>,
    told: BTreeMap<usize, Told>,
    kept: Option<suspects::Kept>,
    tally: Tally,
    /// One backend is listed and up all the time.
    rock: bool,
    quiet: bool,
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    Serving,
    /// Stopped, with all calls finished.
    Stopped,
    /// Its connections were cut.
    Crashed,
    /// Nobody hears of it any more.
    Vanished,
}

#[derive(Debug)]
struct Client {
    has_fallback: bool,
    created: Instant,
    /// Since when it is connected to a healthy replica.
    attached: Option<Instant>,
    /// When it last can be relied on to have known the newest list.
    fresh: Instant,
}

impl Witness {
    pub fn new(log: Log, service: ServiceName) -> Self {
        Self {
            log,
            service,
            state: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A view of the registry passes this on.
    pub fn view_says(&self, view: usize, state: &RegistryState) {
        let expected = Arc::new(Expected::new(state, &self.service));
        let mut seen = self.lock();
        match seen.views.get_mut(view) {
            Some(said) if **said.current() == *expected => {}
            Some(said) => said.set(expected),
            None => seen.views.push(Timeline::new(expected)),
        }
    }

    /// A replica can be talked to, or not.
    pub fn replica(&self, index: usize, healthy: bool) {
        let mut seen = self.lock();
        seen.told.remove(&index);
        match seen.replicas.get_mut(index) {
            Some(replica) => replica.set(healthy),
            None => seen.replicas.push(Timeline::new(healthy)),
        }
    }

    pub fn server(&self, at: SocketAddr, up: Up) {
        let mut seen = self.lock();
        match seen.servers.get_mut(&at) {
            Some(server) => server.set(up),
            None => _ = seen.servers.insert(at, Timeline::new(up)),
        }
    }

    /// A server that is nobody's backend but a fallback.
    pub fn fallback_server(&self, at: SocketAddr) {
        self.lock().fallbacks.insert(at);
    }

    pub fn client(&self, name: &str, has_fallback: bool) {
        let now = Instant::now();
        let client = Client {
            has_fallback,
            created: now,
            attached: None,
            fresh: now,
        };
        self.lock().clients.insert(name.to_owned(), client);
    }

    /// From the start on, one backend is listed and up.
    pub fn has_rock(&self) {
        self.lock().rock = true;
    }

    /// Backends answer at once from now on.
    pub fn quiet(&self) {
        self.lock().quiet = true;
    }

    pub fn is_quiet(&self) -> bool {
        self.lock().quiet
    }

    /// What the views say now, if they agree.
    pub fn expected(&self) -> Option<Arc<Expected>> {
        let seen = self.lock();
        let first = seen.views.first()?.current();
        let agree = seen.views.iter().all(|view| view.current() == first);
        agree.then(|| Arc::clone(first))
    }

    /// The list that streams said last, if they did.
    pub fn list(&self) -> Option<Contents> {
        let seen = self.lock();
        seen.told.values().find_map(|told| told.contents.clone())
    }

    /// To be called often: notes who is connected to whom, and checks what is due.
    pub fn look(&self, net: &Net, replicas: &[SocketAddr]) {
        let mut seen = self.lock();
        let State {
            clients,
            replicas: healthy,
            ..
        } = &mut *seen;
        for (name, client) in clients {
            let since = replicas.iter().zip(&*healthy).filter_map(|(at, health)| {
                let connected = net.connected_since(name, *at)?;
                let healthy_since = Instant::now().checked_sub(health.age())?;
                health.current().then(|| connected.max(healthy_since))
            });
            client.attached = since.min();
            if client.attached_for() >= ATTACHED {
                client.fresh = Instant::now();
            }
        }
        self.check_told(&seen);
    }
}

impl Client {
    fn attached_for(&self) -> Duration {
        self.attached
            .map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl State {
    /// Whether any view said so at `from` or later.
    fn said(&self, from: Instant, what: impl Fn(&Expected) -> bool) -> bool {
        let mut views = self.views.iter();
        views.any(|view| view.since(from).any(|said| what(said)))
    }

    /// Whether one backend was up and listed by all views all the time since `from`.
    fn has_steady_backend(&self, from: Instant) -> bool {
        self.servers.iter().any(|(at, up)| {
            up.since(from).all(|up| *up == Up::Serving)
                && self
                    .views
                    .iter()
                    .all(|view| view.since(from).all(|said| said.lists(*at)))
        })
    }

    /// The earliest time whose lists this client may still follow at `now`.
    fn horizon(&self, client: &str, now: Instant) -> Instant {
        let fresh = self.clients.get(client).map_or(now, |it| it.fresh);
        // A list replaces the one before only when a connection of its own is READY.
        let patience = if self.has_steady_backend(ago(now, ATTACHED)) {
            PROPAGATION
        } else {
            PROPAGATION + CONNECTED
        };
        ago(fresh.min(now), patience)
    }

    /// A client that could see for so long, with a backend to reach all the time, has no
    /// excuse.
    fn is_settled(&self, client: &Client, now: Instant) -> bool {
        client.attached_for() >= ATTACHED + CONNECTED
            && self.has_steady_backend(ago(now, CONNECTED))
    }
}

fn ago(now: Instant, span: Duration) -> Instant {
    now.checked_sub(span).unwrap_or(now)
}
