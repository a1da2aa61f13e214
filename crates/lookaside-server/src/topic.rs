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
use lookaside_core::Revision;

use crate::{
    encode::EncodedList,
    ending::Ending,
    http::{Flight, Patience},
    journey::Journey,
    waiters::{Waiters, Waiting},
};

/// What the streams of a service are to be told.
#[derive(Debug)]
pub(crate) struct Update {
    /// Grows with every update of the topic; the first is 1.
    version: u64,
    content: Content,
    origin: Origin,
    /// `None` for what no change in the registry brought.
    journey: Option<Journey>,
}

/// The plan that an update tells of; the default one is of no plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Of the service's plans, counted from 1.
    pub(crate) plan_version: u64,
    /// Of the backends that it was made from.
    pub(crate) revision: Revision,
}

impl Update {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }
}

#[derive(Debug)]
pub(crate) enum Content {
    List(EncodedList),
    Fallback,
}

/// What is known of a stream that waits.
#[derive(Debug)]
struct Waits {
    ending: Arc<Ending>,
    flight: Arc<Flight>,
}

/// The current update of a service, and who waits for the next.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    current: ArcSwapOption<Update>,
    /// Held by whoever publishes; the version published last. Readers do not take it.
    publishing: Mutex<u64>,
    waiters: Waiters<Waits>,
    /// The rotation of the next stream to start.
    next_rotation: AtomicUsize,
}

impl Topic {
    /// Replaces the current update and wakes all streams.
    pub(crate) fn publish(&self, content: Content, origin: Origin, journey: Option<Journey>) {
        self.publish_if(content, origin, journey, |_| true);
    }

    /// Sends streams to fallback if nothing was published yet.
    pub(crate) fn publish_first_fallback(&self, origin: Origin) {
        self.publish_if(Content::Fallback, origin, None, |version| version == 0);
    }

    fn publish_if(
        &self,
        content: Content,
        origin: Origin,
        journey: Option<Journey>,
        published: impl FnOnce(u64) -> bool,
    ) {
        let mut version = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if published(*version) {
            *version += 1;
            let update = Arc::new(Update {
                version: *version,
                content,
                origin,
                journey,
            });
            self.current.store(Some(Arc::clone(&update)));
            let woken = self.waiters.wake_all();
            if let Some(journey) = &update.journey {
                journey.woken(woken);
            }
        }
    }

    /// Whether anything was ever published.
    pub(crate) fn has_update(&self) -> bool {
        self.current.load().is_some()
    }

    /// The current update's version; 0 before the first.
    pub(crate) fn version(&self) -> u64 {
        self.current
            .load()
            .as_ref()
            .map_or(0, |update| update.version)
    }

    /// Successive streams get successive rotations, so that they do not all begin with
    /// the same backend.
    pub(crate) fn next_rotation(&self) -> usize {
        self.next_rotation.fetch_add(1, Relaxed)
    }

    /// Wakes the streams whose phase is at least `from` and below `to`, without anything
    /// new to tell.
    pub(crate) fn wake_phases(&self, from: u32, to: u32) {
        let ends = |waits: &Waits| (from..to).contains(&u32::from(waits.ending.phase()));
        self.waiters.wake(ends);
    }

    /// Wakes the streams that were ordered to end.
    pub(crate) fn wake_ordered(&self) {
        self.waiters.wake(|waits| waits.ending.is_ordered());
    }
}

impl Topic {
    /// Ends the streams whose clients take too long for what they were sent; returns how
    /// many.
    pub(crate) fn end_overdue(&self, patience: &Patience) -> usize {
        self.waiters.wake(|waits| waits.flight.is_overdue(patience))
    }
}

/// One stream's place at a topic.
#[derive(Debug)]
pub(crate) struct Subscription {
    topic: Arc<Topic>,
    seen: u64,
    ending: Arc<Ending>,
    flight: Arc<Flight>,
    waiting: Option<Waiting>,
}

impl Subscription {
    /// `ending` is for [`Topic::wake_phases`] and [`Topic::wake_ordered`], `flight` for [`Topic::end_overdue`].
    pub(crate) fn new(topic: Arc<Topic>, ending: Arc<Ending>, flight: Arc<Flight>) -> Self {
        Self {
            topic,
            seen: 0,
            ending,
            flight,
            waiting: None,
        }
    }

    /// Whether there is an update that was not taken; if not, the task will be woken by
    /// the next.
    pub(crate) fn has_newer(&mut self, cx: &Context<'_>) -> bool {
        let waits = || Waits {
            ending: Arc::clone(&self.ending),
            flight: Arc::clone(&self.flight),
        };
        let waiters = &self.topic.waiters;
        waiters.register(&mut self.waiting, cx.waker(), waits);
        // After the registration: what is published later wakes the task.
        self.newest().is_some()
    }

    /// The current update, if it was not taken, and how many were skipped on the way to it.
    pub(crate) fn take(&mut self) -> Option<(Guard<Option<Arc<Update>>>, u64)> {
        let (version, update) = self.newest()?;
        // Those before a stream's first were never its.
        let skipped = match self.seen {
            0 => 0,
            seen => version - seen - 1,
        };
        // One whose first this is was not there when it began.
        if self.seen > 0
            && let Some(journey) = update.as_ref().and_then(|update| update.journey.as_ref())
        {
            journey.taken();
        }
        self.seen = version;
        Some((update, skipped))
    }

    fn newest(&self) -> Option<(u64, Guard<Option<Arc<Update>>>)> {
        let current = self.topic.current.load();
        let version = current.as_ref()?.version;
        (version > self.seen).then_some((version, current))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.seen > 0
            && let Some((_, update)) = self.newest()
            && let Some(journey) = update.as_ref().and_then(|update| update.journey.as_ref())
        {
            journey.given_up();
        }
        self.topic.waiters.remove(&mut self.waiting);
    }
}

#[cfg(test)]
mod tests;
