use std::sync::{Arc, atomic::Ordering::AcqRel};

use super::{Entry, Table};

/// One open stream of a service; dropping it closes it.
#[derive(Debug)]
pub(crate) struct OpenStream {
    table: Arc<Table>,
    entry: Arc<Entry>,
}

impl OpenStream {
    /// To be called while the table's shard is locked.
    pub(super) fn new(table: Arc<Table>, entry: Arc<Entry>) -> Self {
        entry.streams.fetch_add(1, AcqRel);
        Self { table, entry }
    }

    pub(crate) fn service(&self) -> &Entry {
        &self.entry
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if self.entry.streams.fetch_sub(1, AcqRel) == 1 && self.entry.published().is_none() {
            self.table.remove_unregistered(self.entry.name());
        }
    }
}
