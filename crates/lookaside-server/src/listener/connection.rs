use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    access::Peer,
    balance_load::{Reopens, Turn},
};

/// One client connection, as its streams see it.
#[derive(Debug)]
pub(crate) struct Connection {
    peer: Arc<Peer>,
    /// Where it comes from, of the address that `peer` has.
    port: Option<u16>,
    since: Instant,
    requests: AtomicUsize,
    /// When the last request ended, in milliseconds after `since`.
    quiet_since: AtomicU64,
    streams: AtomicUsize,
    reopens: Reopens,
    turn: Turn,
    held: AtomicUsize,
    others: AtomicUsize,
}

/// How many requests beside list streams one connection may have: for health checks,
/// reflection and people. The answers to some are megabytes.
pub(crate) const MAX_OTHER_REQUESTS: usize = 28;

/// How much of messages that have begun and not ended a connection may make us hold, over
/// all of its streams: one that is as large as may be, and a hundred usual ones.
const MAX_HELD: usize = 128 * 1024;

/// A request that is being answered; dropping it ends it.
#[derive(Debug)]
pub(crate) struct OpenRequest(Arc<Connection>);

impl Connection {
    pub(crate) fn new(peer: Arc<Peer>, port: Option<u16>) -> Self {
        Self {
            peer,
            port,
            since: Instant::now(),
            requests: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            reopens: Reopens::default(),
            turn: Turn::default(),
            held: AtomicUsize::new(0),
            others: AtomicUsize::new(0),
        }
    }

    /// One from this machine, where there are no rules.
    #[cfg(test)]
    pub(crate) fn local() -> Arc<Self> {
        Arc::new(Self::new(Peer::anyone(std::net::Ipv4Addr::LOCALHOST), None))
    }

    /// Where it comes from, if from a network.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.peer.address()
    }

    /// The port at the other end, if from a network.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Who it is, and what it may do.
    pub(crate) fn who(&self) -> &Arc<Peer> {
        &self.peer
    }

    pub(crate) fn begin_request(self: &Arc<Self>) -> OpenRequest {
        self.requests.fetch_add(1, Relaxed);
        OpenRequest(Arc::clone(self))
    }

    /// One of [`MAX_OTHER_REQUESTS`], if there is one left.
    pub(crate) fn begin_other(self: &Arc<Self>) -> Option<OtherRequest> {
        let more = |others| (others < MAX_OTHER_REQUESTS).then_some(others + 1);
        let begun = self.others.fetch_update(Relaxed, Relaxed, more);
        begun.ok().map(|_| OtherRequest(Arc::clone(self)))
    }

    /// Since when it has had no request, of any kind; if it has one, now.
    pub(crate) fn quiet_since(&self) -> Instant {
        if self.requests.load(Relaxed) > 0 {
            return Instant::now();
        }
        self.since + Duration::from_millis(self.quiet_since.load(Relaxed))
    }

    /// How many `BalanceLoad` streams it has.
    pub(crate) fn streams(&self) -> &AtomicUsize {
        &self.streams
    }

    pub(crate) fn reopens(&self) -> &Reopens {
        &self.reopens
    }

    /// Its turn among all that want to begin streams.
    pub(crate) fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Whether so much more of incomplete messages may be held for it; to be given back.
    pub(crate) fn hold(&self, bytes: usize) -> bool {
        let held = |held: usize| Some(held + bytes).filter(|held| *held <= MAX_HELD);
        self.held.fetch_update(Relaxed, Relaxed, held).is_ok()
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }
}

/// A request that is no list stream; dropping it ends it.
#[derive(Debug)]
pub(crate) struct OtherRequest(Arc<Connection>);

impl Drop for OtherRequest {
    fn drop(&mut self) {
        self.0.others.fetch_sub(1, Relaxed);
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.quiet_since.store(now, Relaxed);
        self.0.requests.fetch_sub(1, Relaxed);
    }
}
