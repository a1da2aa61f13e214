//! From one publisher to the streams of a service, newest wins.
//!
//! A [`Topic`] holds one value. Publishing replaces it and wakes the streams; each
//! stream takes whatever is current when its client has room for it. Nobody queues.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Context,
};

use arc_swap::{ArcSwapOption, Guard};

use crate::{
    encode::EncodedList,
    waiters::{Waiters, Waiting},
};

/// What the streams of a service are to be told.
#[derive(Debug)]
pub(crate) struct Update {
    /// Grows with every update of the topic; the first is 1.
    version: u64,
    content: Content,
}

impl Update {
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }
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
    /// Held by whoever publishes; the version published last. Readers do not take it.
    publishing: Mutex<u64>,
    waiters: Waiters,
    /// The rotation of the next stream to start.
    next_rotation: AtomicUsize,
}

impl Topic {
    /// Replaces the current update and wakes all streams.
    pub(crate) fn publish(&self, content: Content) {
        self.publish_if(content, |_| true);
    }

    /// Sends streams to fallback if nothing was published yet.
    pub(crate) fn publish_first_fallback(&self) {
        self.publish_if(Content::Fallback, |version| version == 0);
    }

    fn publish_if(&self, content: Content, published: impl FnOnce(u64) -> bool) {
        let mut version = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if published(*version) {
            *version += 1;
            let update = Update {
                version: *version,
                content,
            };
            self.current.store(Some(Arc::new(update)));
            self.waiters.wake_all();
        }
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

impl Subscription {
    pub(crate) fn new(topic: Arc<Topic>) -> Self {
        Self {
            topic,
            seen: 0,
            waiting: None,
        }
    }

    /// Whether there is an update that was not taken; if not, the task will be woken by
    /// the next. `phase` is for [`Topic::wake_phases`].
    pub(crate) fn has_newer(&mut self, phase: u16, cx: &Context<'_>) -> bool {
        // It may be published between the look and the registration.
        self.newest().is_some()
            || self
                .topic
                .waiters
                .register(&mut self.waiting, phase, cx.waker())
                && self.newest().is_some()
    }

    /// The current update, if it was not taken.
    pub(crate) fn take(&mut self) -> Option<Guard<Option<Arc<Update>>>> {
        let (version, update) = self.newest()?;
        self.seen = version;
        Some(update)
    }

    fn newest(&self) -> Option<(u64, Guard<Option<Arc<Update>>>)> {
        let current = self.topic.current.load();
        let version = current.as_ref()?.version;
        (version > self.seen).then_some((version, current))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.topic.waiters.remove(&mut self.waiting);
    }
}

#[cfg(test)]
mod tests;
