use std::sync::{Arc, atomic::Ordering::AcqRel};

use super::{Entry, StreamId, StreamRecord, Table};

/// One open stream of a service; dropping it closes it.
#[derive(Debug)]
pub(crate) struct OpenStream {
    table: Arc<Table>,
    entry: Arc<Entry>,
    /// What of it is in the table, for others to see.
    listed: Option<StreamId>,
}

impl OpenStream {
    /// To be called while the table's shard is locked.
    pub(super) fn new(table: Arc<Table>, entry: Arc<Entry>) -> Self {
        entry.streams.fetch_add(1, AcqRel);
        Self {
            table,
            entry,
            listed: None,
        }
    }

    pub(crate) fn service(&self) -> &Entry {
        &self.entry
    }

    /// For a record of this stream.
    pub(crate) fn new_id(&self) -> StreamId {
        self.table.new_stream_id()
    }

    /// Shows it to others until it is closed.
    pub(crate) fn list(&mut self, record: &Arc<StreamRecord>) {
        self.entry.open_streams().insert(Arc::clone(record));
        self.listed = Some(record.id());
    }

    /// The same stream goes on as `other`, of the same service or of another.
    pub(crate) fn become_other(&mut self, mut other: Self, record: &Arc<StreamRecord>) {
        if Arc::ptr_eq(&self.entry, &other.entry) {
            // It stays in its place.
            other.listed = self.listed.take();
        } else {
            record.note_move();
            other.list(record);
        }
        *self = other;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if let Some(id) = self.listed {
            self.entry.open_streams().remove(id);
        }
        if self.entry.streams.fetch_sub(1, AcqRel) == 1 && self.entry.published().is_none() {
            self.table.remove_unregistered(self.entry.name());
        }
    }
}
