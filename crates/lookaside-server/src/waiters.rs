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
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    shards: [Mutex<Slab<Waiter>>; SHARDS],
    next_shard: AtomicUsize,
}

#[derive(Debug)]
struct Waiter {
    waker: Waker,
    phase: u16,
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

impl Waiters {
    /// Makes sure that the task is woken from now on. Returns whether anything had to be
    /// done for it: if so, an event may have been missed just before.
    pub(crate) fn register(
        &self,
        waiting: &mut Option<Waiting>,
        phase: u16,
        waker: &Waker,
    ) -> bool {
        match waiting {
            Some(waiting) if waiting.waker.will_wake(waker) => return false,
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
                    phase,
                };
                let key = self.lock(shard).insert(waiter);
                *waiting = Some(Waiting {
                    place: Place { shard, key },
                    waker: waker.clone(),
                });
            }
        }
        true
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

    pub(crate) fn wake_all(&self) {
        self.wake(|_| true);
    }

    /// Wakes the tasks whose phase is at least `from` and below `to`.
    pub(crate) fn wake_phases(&self, from: u32, to: u32) {
        self.wake(|waiter| (from..to).contains(&u32::from(waiter.phase)));
    }

    fn wake(&self, which: impl Fn(&Waiter) -> bool) {
        for shard in 0..SHARDS as u8 {
            // Waking runs nothing of the woken, so it may happen under the lock.
            for (_, waiter) in self.lock(shard).iter() {
                if which(waiter) {
                    waiter.waker.wake_by_ref();
                }
            }
        }
    }

    fn lock(&self, shard: u8) -> MutexGuard<'_, Slab<Waiter>> {
        self.shards[usize::from(shard)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
