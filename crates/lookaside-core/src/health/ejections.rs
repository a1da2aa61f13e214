use std::{cmp::Ordering, net::SocketAddr, sync::Arc, time::SystemTime};

use crate::BackendId;

/// An address of a backend that its health check ejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// The backend.
    pub backend: BackendId,
    /// The address.
    pub addr: SocketAddr,
    /// What its probes failed of.
    pub reason: Arc<str>,
    /// Since when.
    pub since: SystemTime,
}

impl Ejection {
    fn key(&self) -> (&BackendId, SocketAddr) {
        (&self.backend, self.addr)
    }
}

/// All ejections of one service. Of two values those that did not change between them are
/// the very same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ejections(Arc<[Arc<Ejection>]>);

impl Ejections {
    /// Sorts them; of two of the same address the first counts.
    pub fn new(mut all: Vec<Arc<Ejection>>) -> Self {
        all.sort_by(|one, other| one.key().cmp(&other.key()));
        all.dedup_by(|one, other| one.key() == other.key());
        Self(all.into())
    }

    /// Whether nothing is ejected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, sorted by backend and address.
    pub fn as_slice(&self) -> &[Arc<Ejection>] {
        &self.0
    }

    /// Those of one backend, sorted by address.
    pub fn of(&self, backend: &BackendId) -> &[Arc<Ejection>] {
        let start = self.0.partition_point(|it| it.backend < *backend);
        let rest = &self.0[start..];
        &rest[..rest.partition_point(|it| it.backend == *backend)]
    }

    /// Calls `changed` with each backend that has other ejections than before; more than
    /// once where several of its addresses differ. Costs no look at those that stayed.
    pub(crate) fn changed_since<'a>(
        &'a self,
        before: &'a Self,
        mut changed: impl FnMut(&'a BackendId),
    ) {
        let (mut old, mut new) = (before.0.iter().peekable(), self.0.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => Ordering::Equal,
                (Some(old), Some(new)) => old.key().cmp(&new.key()),
            };
            let (before, after) = (
                old.next_if(|_| order.is_le()),
                new.next_if(|_| order.is_ge()),
            );
            match (before, after) {
                (Some(_), Some(_)) => {}
                (Some(one), None) | (None, Some(one)) => changed(&one.backend),
                (None, None) => return,
            }
        }
    }
}

impl FromIterator<Arc<Ejection>> for Ejections {
    fn from_iter<I: IntoIterator<Item = Arc<Ejection>>>(all: I) -> Self {
        Self::new(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
