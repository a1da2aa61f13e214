use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use lookaside_core::ReportDelta;
use tokio::time::Instant;

use super::sent::{LastSent, Sent};
use crate::{ending::Ending, http::Flight, listener::Connection, topic::Origin};

/// Names a stream for as long as the balancer runs; a later stream has a larger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(crate) u64);

/// One open stream, as everybody but itself sees it.
///
/// It is the stream's own: what the stream writes on the way of a list are a few stores,
/// and no lock. Which service it is for says the table: a stream may move to another when
/// a service becomes known under another of the names that its client may mean.
#[derive(Debug)]
pub(crate) struct StreamRecord {
    id: StreamId,
    connection: Arc<Connection>,
    user_agent: Option<Box<str>>,
    ending: Arc<Ending>,
    flight: Arc<Flight>,
    opened: Instant,
    sent: LastSent,
    pushes: AtomicU64,
    reports: AtomicU64,
    calls_started: AtomicU64,
    /// Of the last report, after the begin.
    reported_millis: AtomicU64,
}

/// What a stream's client has reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) reports: u64,
    pub(crate) calls_started: u64,
    /// When the last one came, after the stream's begin.
    pub(crate) last_at: Duration,
}

impl StreamRecord {
    /// One that begins now.
    pub(crate) fn new(
        id: StreamId,
        connection: Arc<Connection>,
        user_agent: Option<Box<str>>,
        phase: u16,
    ) -> Self {
        Self {
            id,
            connection,
            user_agent,
            ending: Arc::new(Ending::new(phase)),
            flight: Arc::default(),
            opened: Instant::now(),
            sent: LastSent::default(),
            pushes: AtomicU64::new(0),
            reports: AtomicU64::new(0),
            calls_started: AtomicU64::new(0),
            reported_millis: AtomicU64::new(0),
        }
    }

    pub(crate) fn id(&self) -> StreamId {
        self.id
    }

    /// The connection it is on: who its client is, and where.
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// What its client says it is.
    pub(crate) fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// When it has to end.
    pub(crate) fn ending(&self) -> &Arc<Ending> {
        &self.ending
    }

    /// What is on its way to the client.
    pub(crate) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// What it was sent last; `None` before the first.
    pub(crate) fn sent(&self) -> Option<Sent> {
        self.sent.get()
    }

    /// Lists and orders to fall back, so far.
    pub(crate) fn pushes(&self) -> u64 {
        self.pushes.load(Relaxed)
    }

    /// `None` before the first.
    pub(crate) fn reported(&self) -> Option<Reported> {
        let reports = self.reports.load(Relaxed);
        (reports > 0).then(|| Reported {
            reports,
            calls_started: self.calls_started.load(Relaxed),
            last_at: Duration::from_millis(self.reported_millis.load(Relaxed)),
        })
    }
}

/// For the stream itself.
impl StreamRecord {
    /// It is given this to send: a list, in one of its rotations, or the order to fall back.
    pub(crate) fn note_push(&self, update: u64, origin: Origin, place: Option<usize>) {
        self.pushes.fetch_add(1, Relaxed);
        self.sent.set(Sent {
            update,
            origin,
            // There are a few at most.
            rotation: place.map(|place| place as u32),
            at: self.opened.elapsed(),
        });
    }

    /// Its client reports.
    pub(crate) fn note_report(&self, delta: &ReportDelta) {
        let started = u64::try_from(delta.started).unwrap_or_default();
        self.calls_started.fetch_add(started, Relaxed);
        let millis = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.reported_millis.store(millis, Relaxed);
        self.reports.fetch_add(1, Relaxed);
    }

    /// It goes on with another service.
    pub(super) fn note_move(&self) {
        self.sent.forget_update();
    }
}
