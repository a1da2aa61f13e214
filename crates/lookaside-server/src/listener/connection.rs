use std::{net::IpAddr, sync::atomic::AtomicUsize};

use crate::balance_load::Reopens;

/// One client connection, as its streams see it.
#[derive(Debug)]
pub(crate) struct Connection {
    peer: Option<IpAddr>,
    streams: AtomicUsize,
    reopens: Reopens,
}

impl Connection {
    pub(crate) fn new(peer: Option<IpAddr>) -> Self {
        Self {
            // The same client, whichever way the listener writes it.
            peer: peer.map(|peer| peer.to_canonical()),
            streams: AtomicUsize::new(0),
            reopens: Reopens::default(),
        }
    }

    /// Where it comes from, if from a network.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// How many `BalanceLoad` streams it has.
    pub(crate) fn streams(&self) -> &AtomicUsize {
        &self.streams
    }

    pub(crate) fn reopens(&self) -> &Reopens {
        &self.reopens
    }
}
