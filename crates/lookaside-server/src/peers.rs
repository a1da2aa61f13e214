//! How much each network address uses.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use dashmap::{DashMap, Entry};

/// Counts something by where it comes from, up to a limit.
#[derive(Debug)]
pub(crate) struct Peers {
    /// 0: no limit, and nothing is counted.
    limit: usize,
    counts: DashMap<IpAddr, usize>,
}

/// One that is counted; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct PeerShare(Option<(Arc<Peers>, IpAddr)>);

impl Peers {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            counts: DashMap::new(),
        })
    }

    /// One more of this peer; `None` when it has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<PeerShare> {
        let (Some(peer), 1..) = (peer.map(network), self.limit) else {
            return Some(PeerShare(None));
        };
        match self.counts.entry(peer) {
            Entry::Occupied(count) if *count.get() >= self.limit => return None,
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(none) => {
                none.insert(1);
            }
        }
        Some(PeerShare(Some((Arc::clone(self), peer))))
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

impl Drop for PeerShare {
    fn drop(&mut self) {
        if let Some((peers, peer)) = &self.0
            && let Entry::Occupied(mut count) = peers.counts.entry(*peer)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Whoever has one IPv6 address has the 2^64 of its network.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(peer) => peer.into(),
        IpAddr::V6(peer) => Ipv6Addr::from_bits(peer.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests;
