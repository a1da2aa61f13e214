//! Who is to be woken: many tasks by one event, without a lock that they share.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Waker,
};

use slab::Slab;

/// Tasks come and go while others are being woken: they meet only within a shard.
const SHARDS: usize = 16;

/// The wakers of many tasks.
///
/// A waker stays registered until its task no longer waits: waking does not take it out,
/// so that waiting again costs nothing.
///
/// Each says of itself what it is to be chosen by.
#[derive(Debug)]
pub(crate) struct Waiters<T = ()> {
    shards: [Mutex<Slab<Waiter<T>>>; SHARDS],
    next_shard: AtomicUsize,
}

#[derive(Debug)]
struct Waiter<T> {
    waker: Waker,
    about: T,
}

/// One task's place among the waiters, to be given back with [`Waiters::remove`].
#[derive(Debug)]
pub(crate) struct Waiting {
    place: Place,
    /// What is registered there. A task's waker stays the same, so this is nearly always
    /// a comparison instead of a lock.
    waker: Waker,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    shard: u8,
    key: usize,
}

impl<T> Default for Waiters<T> {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            next_shard: AtomicUsize::new(0),
        }
    }
}

impl<T> Waiters<T> {
    /// Makes sure that the task is woken from now on. An event may have been missed just
    /// before.
    pub(crate) fn register(
        &self,
        waiting: &mut Option<Waiting>,
        waker: &Waker,
        about: impl FnOnce() -> T,
    ) {
        match waiting {
            Some(waiting) if waiting.waker.will_wake(waker) => {}
            Some(waiting) => {
                let Place { shard, key } = waiting.place;
                waiting.waker = waker.clone();
                if let Some(waiter) = self.lock(shard).get_mut(key) {
                    waiter.waker = waker.clone();
                }
            }
            None => {
                let shard = (self.next_shard.fetch_add(1, Relaxed) % SHARDS) as u8;
                let waiter = Waiter {
                    waker: waker.clone(),
                    about: about(),
                };
                let key = self.lock(shard).insert(waiter);
                *waiting = Some(Waiting {
                    place: Place { shard, key },
                    waker: waker.clone(),
                });
            }
        }
    }

    /// Wakes a task no more.
    pub(crate) fn remove(&self, waiting: &mut Option<Waiting>) {
        let Some(Waiting { place, .. }) = waiting.take() else {
            return;
        };
        let mut shard = self.lock(place.shard);
        let removed = shard.try_remove(place.key);
        if shard.is_empty() {
            // A crowd that has left leaves no memory behind.
            *shard = Slab::new();
        }
        drop(shard);
        drop(removed);
    }

    /// Wakes all; returns how many.
    pub(crate) fn wake_all(&self) -> usize {
        self.wake(|_| true)
    }

    /// Wakes those of which `which` holds; returns how many.
    pub(crate) fn wake(&self, which: impl Fn(&T) -> bool) -> usize {
        let mut woken = 0;
        for shard in 0..SHARDS as u8 {
            // Waking runs nothing of the woken, so it may happen under the lock.
            for (_, waiter) in self.lock(shard).iter() {
                if which(&waiter.about) {
                    waiter.waker.wake_by_ref();
                    woken += 1;
                }
            }
        }
        woken
    }

    fn lock(&self, shard: u8) -> MutexGuard<'_, Slab<Waiter<T>>> {
        self.shards[usize::from(shard)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
