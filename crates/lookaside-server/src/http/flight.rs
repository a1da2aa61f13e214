use std::{
    sync::PoisonError,
    task::{Context, Waker},
};

use super::patience::Patience;
use crate::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

/// What was given to hyper and is still on its way to the socket.
///
/// hyper takes the next frame of a body when h2 has no room for it yet, and keeps it
/// (`PipeToSendStream` in hyper's `proto/h2/mod.rs`). A list taken so early would be an old
/// one when its turn comes, so a body gives nothing away before the last has left.
///
/// A client that takes too long for it loses its stream. Nothing on the way of a list has
/// a timer for that: all of tokio's timers are behind one lock. Somebody looks at every
/// flight now and then ([`Flight::is_overdue`]).
#[derive(Debug, Default)]
pub(crate) struct Flight {
    state: AtomicU8,
    expired: AtomicBool,
    /// Of [`Patience::now`], when it began.
    begun: AtomicU32,
    len: AtomicUsize,
    /// Bytes that have left since.
    left: AtomicUsize,
    /// What had left when somebody last looked and saw progress, and when that was.
    seen_left: AtomicUsize,
    seen_at: AtomicU32,
    /// Looked at only by who waits: the usual push takes no lock.
    waker: Mutex<Option<Waker>>,
}

const LANDED: u8 = 0;
const FLYING: u8 = 1;
/// Somebody is to be woken when it lands.
const AWAITED: u8 = 2;

/// Goes with what is on its way: h2 drops that when it is written, or never will be.
#[derive(Debug)]
pub(crate) struct Landing(Arc<Flight>);

impl Flight {
    /// Begins, with so many bytes; it ends when the landing is dropped.
    pub(crate) fn begin(this: &Arc<Self>, len: usize, now: u32) -> Landing {
        this.begun.store(now, Relaxed);
        this.len.store(len, Relaxed);
        this.left.store(0, Relaxed);
        this.state.store(FLYING, Release);
        Landing(Arc::clone(this))
    }

    /// Whether it is on its way; if so, the task is woken when it has landed.
    pub(crate) fn is_on(&self, cx: &Context<'_>) -> bool {
        if self.state.load(Acquire) == LANDED {
            return false;
        }
        *self.lock() = Some(cx.waker().clone());
        // It may have landed before the waker was there.
        self.state
            .compare_exchange(FLYING, AWAITED, AcqRel, Acquire)
            != Err(LANDED)
    }

    /// Whether it takes longer than it may; from then on it [has expired]. To be asked
    /// again and again, by one.
    ///
    /// [has expired]: Self::has_expired
    pub(crate) fn is_overdue(&self, patience: &Patience) -> bool {
        if self.state.load(Acquire) == LANDED || self.has_expired() {
            return false;
        }
        let (now, begun, left) = (
            patience.now(),
            self.begun.load(Relaxed),
            self.left.load(Relaxed),
        );
        let seen_at = self.seen_at.load(Relaxed);
        if left != self.seen_left.load(Relaxed) || seen_at < begun {
            self.seen_left.store(left, Relaxed);
            // What had left when it began is no progress.
            let at = if left == 0 { begun } else { now };
            self.seen_at.store(at, Relaxed);
        }
        let still = now.saturating_sub(self.seen_at.load(Relaxed));
        let total = now.saturating_sub(begun);
        let overdue = patience.is_over(still, total, self.len.load(Relaxed));
        if overdue {
            self.expired.store(true, Release);
        }
        overdue
    }

    /// Whether its stream is to end.
    pub(crate) fn has_expired(&self) -> bool {
        self.expired.load(Acquire)
    }

    /// How much is on its way; `None`: nothing.
    pub(crate) fn unread(&self) -> Option<usize> {
        let on = self.state.load(Acquire) != LANDED;
        let left = self.left.load(Relaxed);
        on.then(|| self.len.load(Relaxed).saturating_sub(left))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Landing {
    /// So much has left.
    pub(crate) fn progress(&self, bytes: usize) {
        self.0.left.fetch_add(bytes, Relaxed);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if self.0.state.swap(LANDED, AcqRel) == AWAITED {
            let waker = self.0.lock().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests;
