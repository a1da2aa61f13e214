use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

/// How many connections of a channel are in use or could be. Written when a connection
/// opens and when it and its last call have ended, never by a call between.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenConnections(Arc<AtomicUsize>);

/// One of them, as long as this lives.
#[derive(Debug)]
pub(super) struct OpenConnection(OpenConnections);

impl OpenConnections {
    pub(super) fn add(&self) -> OpenConnection {
        self.0.fetch_add(1, SeqCst);
        OpenConnection(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}
