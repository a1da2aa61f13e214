use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicUsize},
};

use crate::{access::Peer, balance_load::Reopens};

/// One client connection, as its streams see it.
#[derive(Debug)]
pub(crate) struct Connection {
    peer: Arc<Peer>,
    streams: AtomicUsize,
    reopens: Reopens,
}

impl Connection {
    pub(crate) fn new(peer: Arc<Peer>) -> Self {
        Self {
            peer,
            streams: AtomicUsize::new(0),
            reopens: Reopens::default(),
        }
    }

    /// Where it comes from, if from a network.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.peer.address()
    }

    /// Who it is, and what it may do.
    pub(crate) fn who(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// How many `BalanceLoad` streams it has.
    pub(crate) fn streams(&self) -> &AtomicUsize {
        &self.streams
    }

    pub(crate) fn reopens(&self) -> &Reopens {
        &self.reopens
    }
}
