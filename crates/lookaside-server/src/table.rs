//! The services that are known, and the streams that are open for them.
//!
//! To reach a service's streams: [`Table::find`] (or [`Table::all`]) gives its [`Entry`],
//! [`Entry::open_streams`] its [`Streams`], and [`Streams::next`] their [`StreamRecord`]s, a
//! batch at a time, the oldest first. A record has who the client is and what it was sent;
//! its [`StreamRecord::ending`] and [`StreamRecord::flight`] are those by which the stream's
//! [`Topic`](crate::topic::Topic) wakes it.

mod cordoned;
mod entry;
mod fingerprint;
mod labels;
mod plan_state;
mod record;
mod sent;
mod standing;
mod stream;
mod streams;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use dashmap::DashMap;
use lookaside_core::ServiceName;
use tokio::sync::watch;

#[cfg(test)]
pub(crate) use self::labels::MAX_LABELLED;
pub(crate) use self::{
    cordoned::Cordoned,
    entry::{Entry, Published},
    labels::{Labels, OTHER},
    plan_state::PlanState,
    record::{StreamId, StreamRecord},
    standing::{Standing, StandingState},
    stream::OpenStream,
    streams::Streams,
};
use crate::topic::Origin;

/// All services that are registered, set up, or asked for by an open stream.
///
/// Looked up when a stream starts, and when a person asks; never on the way of a list.
#[derive(Debug)]
pub(crate) struct Table {
    services: DashMap<ServiceName, Arc<Entry>>,
    /// Changes when a service appears, for streams that wait for theirs.
    appeared: watch::Sender<()>,
    last_stream: AtomicU64,
    /// Who has a label in metrics.
    labels: Arc<Labels>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            services: DashMap::new(),
            appeared: watch::Sender::new(()),
            last_stream: AtomicU64::new(0),
            labels: Arc::default(),
        }
    }

    /// Sees changes from now on whenever a service appears.
    pub(crate) fn appearances(&self) -> watch::Receiver<()> {
        self.appeared.subscribe()
    }

    /// Opens a stream for the first of these that is in the table, unless there is nothing
    /// to tell of it yet.
    pub(crate) fn open(self: &Arc<Self>, candidates: &[ServiceName]) -> Option<OpenStream> {
        // Counted while the table's shard is locked: see `remove_idle`.
        let entry = candidates.iter().find_map(|name| self.services.get(name))?;
        let update = entry.topic().has_update();
        update.then(|| OpenStream::new(Arc::clone(self), Arc::clone(&entry)))
    }

    /// Opens a stream for the first of these that the registry has, whatever streams alone
    /// are here for.
    pub(crate) fn open_known(self: &Arc<Self>, candidates: &[ServiceName]) -> Option<OpenStream> {
        let entry = candidates.iter().find_map(|name| {
            let entry = self.services.get(name)?;
            entry.published().is_some().then_some(entry)
        })?;
        Some(OpenStream::new(Arc::clone(self), Arc::clone(&entry)))
    }

    /// Waits until the registry has one of these.
    pub(crate) async fn once_known(self: Arc<Self>, candidates: Vec<ServiceName>) -> OpenStream {
        let mut appearances = self.appearances();
        loop {
            if let Some(stream) = self.open_known(&candidates) {
                return stream;
            }
            // An error would mean that the table is gone, and we hold it.
            let _ = appearances.changed().await;
        }
    }

    /// Whether one of these is in the table.
    pub(crate) fn has_any(&self, candidates: &[ServiceName]) -> bool {
        candidates
            .iter()
            .any(|name| self.services.contains_key(name))
    }

    /// Opens a stream for a service whether it is known or not. An unknown one is in
    /// fallback, and in the table for as long as it has streams.
    pub(crate) fn open_unknown(self: &Arc<Self>, name: &ServiceName) -> OpenStream {
        let entry = self
            .services
            .entry(name.clone())
            .or_insert_with(|| self.entry(name));
        entry.topic().publish_first_fallback(Origin::default());
        OpenStream::new(Arc::clone(self), Arc::clone(&entry))
    }

    /// The entry of a service that the registry has, made if need be.
    pub(crate) fn register(&self, name: &ServiceName) -> Arc<Entry> {
        let entry = self
            .services
            .entry(name.clone())
            .or_insert_with(|| self.entry(name));
        entry.register();
        Arc::clone(&entry)
    }

    fn entry(&self, name: &ServiceName) -> Arc<Entry> {
        Arc::new(Entry::new(name.clone(), Arc::clone(&self.labels)))
    }

    /// Who has a label in metrics.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The same on replicas that serve the same, of what the registry has.
    pub(crate) fn fingerprint(&self) -> u64 {
        let fingerprints = self.services.iter().filter_map(|entry| {
            let published = entry.published()?;
            Some(published.fingerprint(entry.name()))
        });
        fingerprints.fold(0, |all, one| all ^ u64::from(one))
    }

    /// To be called when a registered service has got its first update.
    pub(crate) fn announce(&self) {
        self.appeared.send_replace(());
    }

    /// Removes a service unless a stream is open for it; says whether it did.
    pub(crate) fn remove_idle(&self, name: &ServiceName) -> bool {
        self.services
            .remove_if(name, |_, entry| entry.streams() == 0)
            .is_some()
    }

    /// What a stream's end leaves behind of a service that was never registered.
    fn remove_unregistered(&self, name: &ServiceName) {
        self.services.remove_if(name, |_, entry| {
            entry.streams() == 0 && !entry.registered.load(Relaxed)
        });
    }

    /// The first of these that is known.
    pub(crate) fn find(&self, candidates: &[ServiceName]) -> Option<Arc<Entry>> {
        candidates.iter().find_map(|name| {
            let entry = self.services.get(name)?;
            entry.published().is_some().then(|| Arc::clone(&entry))
        })
    }

    /// The service of this name, whether it is known or only asked for.
    pub(crate) fn get(&self, name: &ServiceName) -> Option<Arc<Entry>> {
        self.services.get(name).map(|entry| Arc::clone(&entry))
    }

    /// Whether this entry is still the one of its service.
    pub(crate) fn has(&self, entry: &Arc<Entry>) -> bool {
        let current = self.services.get(entry.name());
        current.is_some_and(|current| Arc::ptr_eq(&current, entry))
    }

    fn new_stream_id(&self) -> StreamId {
        StreamId(self.last_stream.fetch_add(1, Relaxed) + 1)
    }

    /// How many services are known.
    pub(crate) fn len(&self) -> usize {
        self.services.len()
    }

    /// All known services, sorted by name.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        let mut entries: Vec<_> = self
            .services
            .iter()
            .map(|entry| Arc::clone(entry.value()))
            .collect();
        entries.sort_by(|one, other| one.name().cmp(other.name()));
        entries
    }
}

#[cfg(test)]
mod tests;
