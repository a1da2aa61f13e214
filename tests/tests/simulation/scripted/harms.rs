//! What was done to whom, and which calls may fail for it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::profile::KEEP_ALIVE;

/// From when nothing is in the way any more until a connection that was given up on
/// meanwhile is known to be: the interval until the ping, and once more because activity just
/// before moves it, and its timeout.
const NOTICED: Duration =
    Duration::from_secs(2 * KEEP_ALIVE.0.as_secs() + KEEP_ALIVE.1.as_secs() + 1);

/// Connections to a peer that vanished stay, and are noticed when they are used.
const VANISHED_NOTICED: Duration = Duration::from_secs(30);

/// A call that nobody has looked at is sent again so often, and a peer that is lost is
/// dialled again no sooner.
const PICKED_AGAIN: u32 = 16;
const DIALLED_AGAIN: Duration = Duration::from_millis(49);

/// How a peer came to lose calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its connections were cut.
    Cut,
    /// It left what it had begun.
    BrokenOff,
    /// It has looked at nothing, and says so; again and again.
    Flaps,
    /// What is sent arrives late, or not at all.
    HeldUp,
    /// It does not hear what is sent on connections of before.
    Vanished,
}

#[derive(Clone, Copy, Debug)]
struct Harm {
    kind: Kind,
    from: Instant,
    /// None while it goes on.
    until: Option<Instant>,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Harms {
    done: Arc<Mutex<BTreeMap<SocketAddr, Vec<Harm>>>>,
    /// How much later than it happens the client knows of a thing.
    slack: Duration,
}

/// A call that failed with its connection.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    pub started: Instant,
    /// The backend had seen it.
    pub arrived: bool,
}

impl Harms {
    pub fn new(slack: Duration) -> Self {
        Self {
            done: Arc::default(),
            slack,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Vec<Harm>>> {
        self.done.lock().unwrap()
    }

    /// It happens now, and is over.
    pub fn moment(&self, at: SocketAddr, kind: Kind) {
        let now = Instant::now();
        let harm = Harm {
            kind,
            from: now,
            until: Some(now),
        };
        self.lock().entry(at).or_default().push(harm);
    }

    /// It begins now.
    pub fn begins(&self, at: SocketAddr, kind: Kind) {
        let harm = Harm {
            kind,
            from: Instant::now(),
            until: None,
        };
        self.lock().entry(at).or_default().push(harm);
    }

    /// What goes on is over.
    pub fn ends(&self, at: SocketAddr) {
        for harm in self.lock().entry(at).or_default() {
            harm.until.get_or_insert_with(Instant::now);
        }
    }

    /// Whether `at` has ever been harmed.
    pub fn any(&self, at: SocketAddr) -> bool {
        self.lock().contains_key(&at)
    }

    /// Whether a call that was sent to `at` may have been lost there.
    pub fn excuse(&self, at: SocketAddr, call: Lost) -> bool {
        let done = self.lock();
        let harms = done.get(&at);
        harms.is_some_and(|harms| harms.iter().any(|harm| self.excuses(harm, call)))
    }

    /// Whether a call to `at` that began at `started` may have been held up.
    pub fn delays(&self, at: SocketAddr, started: Instant) -> bool {
        let lasting = |harm: &&Harm| !matches!(harm.kind, Kind::Cut | Kind::BrokenOff);
        let done = self.lock();
        let harms = done.get(&at).into_iter().flatten();
        let mut lasting = harms.filter(lasting);
        lasting.any(|harm| started <= self.noticed(harm))
    }

    /// Whether anybody has flapped since `started`.
    pub fn any_flaps(&self, started: Instant) -> bool {
        let done = self.lock();
        let mut flaps = done.values().flatten().filter(|it| it.kind == Kind::Flaps);
        flaps.any(|harm| started <= self.noticed(harm))
    }

    /// Until when calls may suffer from it.
    fn noticed(&self, harm: &Harm) -> Instant {
        let Some(until) = harm.until else {
            return Instant::now();
        };
        let after = match harm.kind {
            Kind::Cut | Kind::BrokenOff | Kind::Flaps => Duration::ZERO,
            Kind::HeldUp => NOTICED,
            Kind::Vanished => VANISHED_NOTICED,
        };
        until + after + self.slack
    }

    fn excuses(&self, harm: &Harm, call: Lost) -> bool {
        let (now, noticed) = (Instant::now(), self.noticed(harm));
        if call.started > noticed || now < harm.from {
            return false;
        }
        match harm.kind {
            Kind::Cut => now <= noticed,
            // What has not arrived is sent elsewhere: GOAWAY says so.
            Kind::BrokenOff => call.arrived && now <= noticed + 2 * self.slack,
            Kind::Flaps => {
                let tried = call.started.elapsed() >= PICKED_AGAIN * DIALLED_AGAIN;
                !call.arrived && tried && now <= noticed
            }
            Kind::HeldUp | Kind::Vanished => now <= noticed + NOTICED,
        }
    }
}
