use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::keep::Flush;

/// How long somebody waits for a disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has everything saved now, and not in some seconds.
#[derive(Clone, Debug)]
pub(super) struct Flusher(mpsc::Sender<Flush>);

impl Flusher {
    pub(super) fn new(flushes: mpsc::Sender<Flush>) -> Self {
        Self(flushes)
    }

    /// Waits until all that is published is on the disk; at most [`PATIENCE`].
    ///
    /// # Errors
    /// Says why it is not there.
    pub(super) async fn flush(&self) -> Result<(), Arc<str>> {
        let (reply, done) = oneshot::channel();
        let flushed = async {
            self.0.send(reply).await.ok()?;
            done.await.ok()
        };
        match timeout(PATIENCE, flushed).await {
            Ok(Some(result)) => result,
            Ok(None) => Err("the registry has ended".into()),
            Err(_) => Err("the state directory does not answer".into()),
        }
    }
}
