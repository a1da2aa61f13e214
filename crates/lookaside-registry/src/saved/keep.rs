use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    Origin, SavedState, SavingStatus, clock,
    dir::{DirError, StateDir},
    disk::Disk,
    encode,
    load::{Mark, seen_file},
    pace::Pace,
    source::Source,
    unread::Unread,
};

/// How often it is put on record that the state on disk is still right.
const SEEN: Duration = Duration::from_secs(10);

/// Asks for everything to be on the disk, and is told when it is, or why not.
pub(super) type Flush = oneshot::Sender<Result<(), Arc<str>>>;

/// Keeps the file of saved state up to date. Owned by one task.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) disk: Disk,
    pub(super) origin: Origin,
    pub(super) status: Arc<SavingStatus>,
    pub(super) unread: Unread,
    /// Why the last write failed, if it did.
    pub(super) error: Option<String>,
}

type Writing = Pin<Box<dyn Future<Output = Result<Mark, SaveError>> + Send>>;

/// Why the state was not saved.
#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error(transparent)]
    Dir(#[from] DirError),
    #[error("the state cannot be written down: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("there is no state any more")]
    NoState,
    #[error("the thread of the state directory has ended")]
    NoThread,
}

impl Keeper {
    /// Saves what `source` says until nobody can ask for a flush any more.
    pub(super) async fn run(mut self, mut source: Source, mut flushes: mpsc::Receiver<Flush>) {
        let mut pace = Pace::new(Instant::now());
        let mut writing: Option<Writing> = None;
        let mut follows = true;
        let mut flushing = Vec::new();
        // Which state is on the disk, and until when it is known there to be right.
        let mut saved: Option<(Mark, Option<Instant>)> = None;
        let mut seen = interval(SEEN);
        seen.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if pace.is_done() && !flushing.is_empty() {
                self.save_seen(&source, &mut saved).await;
                answer(&mut flushing, &Ok(()));
            }
            let due = pace.due().map(|due| match flushing.is_empty() {
                false => Instant::now(),
                true => due,
            });
            tokio::select! {
                // A change before whatever claims that all are saved.
                biased;
                result = finished(&mut writing) => {
                    writing = None;
                    pace.end(Instant::now(), result.is_ok());
                    if let Err(error) = &result {
                        answer(&mut flushing, &Err(error.to_string().into()));
                    }
                    self.note(&result);
                    saved = result.ok().map(|mark| (mark, source.seen()));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    pace.begin(Instant::now());
                    writing = Some(Box::pin(self.write(&source)));
                }
                changed = source.changed(), if follows => {
                    follows = changed;
                    if changed {
                        pace.change();
                    }
                }
                flush = flushes.recv() => match flush {
                    Some(flush) => {
                        // Of those that wait for a disk that hangs, most have given up.
                        flushing.retain(|it: &Flush| !it.is_closed());
                        flushing.push(flush);
                    }
                    None => return,
                },
                _ = seen.tick(), if pace.is_done() => self.save_seen(&source, &mut saved).await,
            }
        }
    }

    /// Counts how a write ended, and says so unless that is nothing new.
    fn note(&mut self, result: &Result<Mark, SaveError>) {
        match result {
            Ok(_) => {
                self.status.saved();
                if self.error.take().is_some() {
                    tracing::info!("the registry's state is saved again");
                }
            }
            Err(error) => {
                self.status.failed();
                let error = error.to_string();
                if self.error.as_ref() != Some(&error) {
                    tracing::error!(
                        %error,
                        "the registry's state is not saved; serving goes on, trying again"
                    );
                    self.error = Some(error);
                }
            }
        }
    }

    fn write(
        &self,
        source: &Source,
    ) -> impl Future<Output = Result<Mark, SaveError>> + Send + use<> {
        let contents = source.contents();
        let (disk, origin) = (self.disk.clone(), self.origin.clone());
        let unread = self.unread.clone();
        async move {
            let (contents, as_of) = contents.await.ok_or(SaveError::NoState)?;
            let state = SavedState {
                origin,
                as_of,
                contents,
            };
            let written = disk.run(move |dir| {
                unread.set_aside(dir, SystemTime::now())?;
                save(dir, &state)
            });
            let written = written.await;
            written.ok_or(SaveError::NoThread)?
        }
    }

    /// Puts on record that the state on the disk is still right, if that is news.
    async fn save_seen(&self, source: &Source, saved: &mut Option<(Mark, Option<Instant>)>) {
        let now = source.seen();
        let Some((mark, recorded)) = saved else {
            return;
        };
        if now <= *recorded {
            return;
        }
        *recorded = now;
        let Some(now) = now else { return };
        let content = seen_file(mark, clock::wall(now));
        // Only an age depends on it, and a directory in trouble says so at the next write.
        let _ = self.disk.run(move |dir| dir.write_seen(&content)).await;
    }
}

fn save(dir: &mut StateDir, state: &SavedState) -> Result<Mark, SaveError> {
    let file = encode(state)?;
    dir.write(&file)?;
    Ok(Mark::of(&file))
}

fn answer(flushing: &mut Vec<Flush>, result: &Result<(), Arc<str>>) {
    for flush in flushing.drain(..) {
        // Whoever asked may have gone away.
        let _ = flush.send(result.clone());
    }
}

async fn finished(writing: &mut Option<Writing>) -> Result<Mark, SaveError> {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}
