//! From one publisher to the streams of a service, newest wins.
//!
//! A [`Topic`] holds one value. Publishing replaces it and wakes the streams; each
//! stream takes whatever is current when its client has room for it. Nobody queues.

mod waiters;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Waker},
};

use arc_swap::{ArcSwapOption, Guard};

use self::waiters::{Place, Waiters};
use crate::encode::EncodedList;

/// What the streams of a service are to be told.
#[derive(Debug)]
pub(crate) struct Update {
    /// Grows with every update of the topic; the first is 1.
    pub(crate) version: u64,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    List(EncodedList),
    Fallback,
}

/// The current update of a service, and who waits for the next.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    current: ArcSwapOption<Update>,
    waiters: Waiters,
    /// The rotation of the next stream to start.
    next_rotation: AtomicUsize,
}

impl Topic {
    /// Replaces the current update and wakes all streams.
    pub(crate) fn publish(&self, update: Update) {
        self.current.store(Some(Arc::new(update)));
        self.waiters.wake_all();
    }

    /// Whether anything was ever published.
    pub(crate) fn has_update(&self) -> bool {
        self.current.load().is_some()
    }

    /// Successive streams get successive rotations, so that they do not all begin with
    /// the same backend.
    pub(crate) fn next_rotation(&self) -> usize {
        self.next_rotation.fetch_add(1, Relaxed)
    }

    /// Wakes the streams whose phase is at least `from` and below `to`, without anything
    /// new to tell.
    pub(crate) fn wake_phases(&self, from: u32, to: u32) {
        self.waiters.wake_phases(from, to);
    }
}

/// One stream's place at a topic.
#[derive(Debug)]
pub(crate) struct Subscription {
    topic: Arc<Topic>,
    seen: u64,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    place: Place,
    /// What is registered there. A task's waker stays the same, so this is nearly always
    /// a comparison instead of a lock.
    waker: Waker,
}

impl Subscription {
    pub(crate) fn new(topic: Arc<Topic>) -> Self {
        Self {
            topic,
            seen: 0,
            waiting: None,
        }
    }

    /// The current update, if it has not been taken yet; else the task will be woken by
    /// the next. `phase` is for [`Topic::wake_phases`].
    pub(crate) fn take_newest(
        &mut self,
        phase: u16,
        cx: &mut Context<'_>,
    ) -> Option<Guard<Option<Arc<Update>>>> {
        if let Some(update) = self.unseen() {
            return Some(update);
        }
        if self.register(phase, cx.waker()) {
            // It may have been published between the look and the registration.
            return self.unseen();
        }
        None
    }

    fn unseen(&mut self) -> Option<Guard<Option<Arc<Update>>>> {
        let current = self.topic.current.load();
        let version = current.as_ref().map(|update| update.version)?;
        (version > self.seen).then(|| {
            self.seen = version;
            current
        })
    }

    /// Whether anything had to be done for it.
    fn register(&mut self, phase: u16, waker: &Waker) -> bool {
        let waiters = &self.topic.waiters;
        match &mut self.waiting {
            Some(waiting) if waiting.waker.will_wake(waker) => return false,
            Some(waiting) => {
                waiters.replace(waiting.place, waker.clone());
                waiting.waker = waker.clone();
            }
            None => {
                self.waiting = Some(Waiting {
                    place: waiters.add(phase, waker.clone()),
                    waker: waker.clone(),
                });
            }
        }
        true
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.topic.waiters.remove(waiting.place);
        }
    }
}

#[cfg(test)]
mod tests;
