use std::{
    path::PathBuf,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use tokio::sync::oneshot;

use super::dir::StateDir;

/// The thread that owns the state directory, so that a disk that is slow or hangs holds
/// up nothing else: not the async tasks, and, unlike the runtime's blocking threads, not
/// the end of the process either.
#[derive(Clone, Debug)]
pub(super) struct Disk(SyncSender<Job>);

type Job = Box<dyn FnOnce(&mut StateDir) + Send>;

impl Disk {
    pub(super) fn spawn(path: PathBuf) -> Self {
        // Whoever has one under way waits for it before the next.
        let (jobs, received) = sync_channel::<Job>(1);
        let run = move || {
            let mut dir = StateDir::new(path);
            for job in received {
                job(&mut dir);
            }
        };
        if let Err(error) = thread::Builder::new().name("state".to_owned()).spawn(run) {
            tracing::error!(%error, "no thread for the state directory: going without it");
        }
        Self(jobs)
    }

    /// Runs `work`; `None` when the thread does not.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut StateDir) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(move |dir| {
            // A caller that has gone away is not told.
            let _ = reply.send(work(dir));
        });
        self.0.try_send(job).ok()?;
        result.await.ok()
    }
}
