use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Waker,
};

use slab::Slab;

/// Streams come and go while others are being woken: they meet only within a shard.
const SHARDS: usize = 16;

/// The wakers of a topic's streams.
///
/// A waker stays registered until its stream ends: waking does not take it out, so that a
/// push to a waiting stream costs no registration.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    shards: [Mutex<Slab<Waiter>>; SHARDS],
    next_shard: AtomicUsize,
}

#[derive(Debug)]
struct Waiter {
    waker: Waker,
    phase: u16,
}

/// Where a waiter is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    shard: u8,
    key: usize,
}

impl Waiters {
    pub(super) fn add(&self, phase: u16, waker: Waker) -> Place {
        let shard = (self.next_shard.fetch_add(1, Relaxed) % SHARDS) as u8;
        let key = self.lock(shard).insert(Waiter { waker, phase });
        Place { shard, key }
    }

    pub(super) fn replace(&self, place: Place, waker: Waker) {
        if let Some(waiter) = self.lock(place.shard).get_mut(place.key) {
            waiter.waker = waker;
        }
    }

    pub(super) fn remove(&self, place: Place) {
        let mut shard = self.lock(place.shard);
        let removed = shard.try_remove(place.key);
        if shard.is_empty() {
            // A crowd that has left leaves no memory behind.
            *shard = Slab::new();
        }
        drop(shard);
        drop(removed);
    }

    pub(super) fn wake_all(&self) {
        self.wake(|_| true);
    }

    pub(super) fn wake_phases(&self, from: u32, to: u32) {
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
