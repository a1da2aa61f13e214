use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::record::{StreamId, StreamRecord};

/// How many streams are looked at while the lock is held: others open and close meanwhile.
const BATCH: usize = 256;

/// The open streams of one service, in the order in which they were opened.
///
/// A stream takes the lock when it begins and when it ends, and never for a list.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<BTreeMap<StreamId, Arc<StreamRecord>>>);

impl Streams {
    pub(super) fn insert(&self, record: Arc<StreamRecord>) {
        self.lock().insert(record.id(), record);
    }

    pub(super) fn remove(&self, id: StreamId) {
        let removed = self.lock().remove(&id);
        // Outside of the lock: it may be the last to hold its connection.
        drop(removed);
    }

    /// Those opened after `after`, the oldest first: so many at most that taking them
    /// delays nobody. None: there are no more.
    pub(crate) fn next(&self, after: StreamId) -> Vec<Arc<StreamRecord>> {
        let streams = self.lock();
        let later = streams.range((Excluded(after), Unbounded));
        later
            .take(BATCH)
            .map(|(_, record)| Arc::clone(record))
            .collect()
    }

    /// The one of this id, while it is open.
    pub(crate) fn get(&self, id: StreamId) -> Option<Arc<StreamRecord>> {
        self.lock().get(&id).map(Arc::clone)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StreamId, Arc<StreamRecord>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
