use std::{path::PathBuf, sync::Arc, time::Duration};

use lookaside_core::KeyRing;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    KeyFileError,
    read::{Exposed, Read, read},
};

/// How often key files are looked at. They change once in months, and whoever changes one
/// waits to see it taken; a Kubernetes secret takes a minute to arrive anyway.
///
/// Reading beats being told: notifications miss what happens behind a symbolic link, and a
/// time of modification may stay the same over two edits.
pub const KEY_POLL: Duration = Duration::from_secs(2);

/// A change is believed when the files say the same this much later: whoever writes in
/// place leaves half a file for a moment, and half a key may well be a key.
const SETTLE: Duration = Duration::from_millis(100);

/// How many wishes for a look may wait: one look answers them all.
const WISHES: usize = 16;

/// Whether a look found keys that are others than before.
type Looked = Result<bool, KeyFileError>;

/// Asks for a look, and is told what came of it if it wants to know.
type Wish = Option<oneshot::Sender<Looked>>;

/// Follows key files until it is dropped; see [`KeyFiles::follow`](super::KeyFiles::follow).
#[derive(Debug)]
pub struct KeyFollower {
    wishes: mpsc::Sender<Wish>,
    _task: AbortOnDropHandle<()>,
}

impl KeyFollower {
    pub(super) fn start(
        paths: Arc<[PathBuf]>,
        current: Option<KeyRing>,
        changed: impl FnMut(KeyRing) + Send + 'static,
    ) -> Self {
        let (wishes, wished) = mpsc::channel(WISHES);
        let task = follow(paths, wished, Judge::new(current), changed);
        Self {
            wishes,
            _task: AbortOnDropHandle::new(tokio::spawn(task)),
        }
    }

    /// Looks at the files now, as on SIGHUP.
    pub fn reload(&self) {
        // Where many wait, a look is on its way.
        let _ = self.wishes.try_send(None);
    }

    /// Looks at the files now and says whether the keys are others than before; `None`
    /// when nobody follows them any more.
    ///
    /// # Errors
    /// Names the file that cannot be used: the last good keys stay in force.
    pub async fn reloaded(&self) -> Option<Result<bool, KeyFileError>> {
        let (tell, told) = oneshot::channel();
        self.wishes.send(Some(tell)).await.ok()?;
        told.await.ok()
    }
}

async fn follow(
    paths: Arc<[PathBuf]>,
    mut wished: mpsc::Receiver<Wish>,
    mut judge: Judge,
    mut changed: impl FnMut(KeyRing),
) {
    let mut wishes: Vec<oneshot::Sender<Looked>> = Vec::new();
    loop {
        let paths = Arc::clone(&paths);
        // A blocking task is cancelled only by the end of the runtime.
        let Ok(read) = tokio::task::spawn_blocking(move || read(&paths)).await else {
            return;
        };
        for exposed in judge.newly_exposed(read.exposed.clone()) {
            tracing::warn!(%exposed, "a token key file is open to others than its owner");
        }
        let mut is_new = false;
        match judge.judge(read) {
            Judged::Settling => {
                sleep(SETTLE).await;
                continue;
            }
            Judged::Same => {}
            Judged::Ring(ring) => {
                let ids: Vec<_> = ring.keys().iter().map(|key| key.id()).collect();
                tracing::info!(token_keys = ?ids, "token keys changed: the first one signs");
                changed(ring);
                is_new = true;
            }
            Judged::Error(error) => {
                tracing::error!(%error, "the last good token keys stay in force");
            }
            Judged::Recovered => tracing::info!("the token key files can be used again"),
        }
        let looked = judge.error.clone().map_or(Ok(is_new), Err);
        for wish in wishes.drain(..) {
            // Whoever asked may have gone away.
            let _ = wish.send(looked.clone());
        }
        match timeout(KEY_POLL, wished.recv()).await {
            // It is time to look.
            Err(_) => {}
            Ok(Some(wish)) => {
                wishes.extend(wish);
                while let Ok(wish) = wished.try_recv() {
                    wishes.extend(wish);
                }
            }
            Ok(None) => return,
        }
    }
}

/// Decides what each reading means. Pure.
#[derive(Debug)]
struct Judge {
    /// What is in force.
    ring: Option<KeyRing>,
    error: Option<KeyFileError>,
    /// Something new, seen once.
    pending: Option<Result<KeyRing, KeyFileError>>,
    /// `None` before the first reading, when whoever read them first has been warned.
    exposed: Option<Vec<Exposed>>,
}

/// What follows from a reading.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    /// Something is new: read again soon, to see whether that was all.
    Settling,
    Same,
    Ring(KeyRing),
    Error(KeyFileError),
    /// The ring in force is what the files say, again.
    Recovered,
}

impl Judge {
    fn new(ring: Option<KeyRing>) -> Self {
        Self {
            ring,
            error: None,
            pending: None,
            exposed: None,
        }
    }

    fn judge(&mut self, read: Read) -> Judged {
        let read = read.ring;
        let known = match (&read, &self.error) {
            (Ok(ring), None) => self.ring.as_ref() == Some(ring),
            (Err(error), Some(known)) => error == known,
            _ => false,
        };
        if known {
            self.pending = None;
            return Judged::Same;
        }
        if self.pending.as_ref() != Some(&read) {
            self.pending = Some(read);
            return Judged::Settling;
        }
        self.pending = None;
        match read {
            Ok(ring) => {
                self.error = None;
                if self.ring.as_ref() == Some(&ring) {
                    return Judged::Recovered;
                }
                self.ring = Some(ring.clone());
                Judged::Ring(ring)
            }
            Err(error) => {
                self.error = Some(error.clone());
                Judged::Error(error)
            }
        }
    }

    /// Files that are exposed and were not before, or otherwise.
    fn newly_exposed(&mut self, now: Vec<Exposed>) -> Vec<Exposed> {
        let before = self.exposed.replace(now.clone());
        let known = |it: &Exposed| before.as_ref().is_none_or(|before| before.contains(it));
        now.into_iter().filter(|it| !known(it)).collect()
    }
}

#[cfg(test)]
mod tests;
