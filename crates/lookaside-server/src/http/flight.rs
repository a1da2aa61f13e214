use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering::AcqRel, Ordering::Acquire, Ordering::Release},
    },
    task::{Context, Waker},
};

/// Whether something that was given to hyper is still on its way to the socket.
///
/// hyper takes the next frame of a body when h2 has no room for it yet, and keeps it
/// (`PipeToSendStream` in hyper's `proto/h2/mod.rs`). A list taken so early would be an old
/// one when its turn comes, so a body gives nothing away before the last has left.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    state: AtomicU8,
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
    /// Begins; it ends when the landing is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Landing {
        self.state.store(FLYING, Release);
        Landing(Arc::clone(self))
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
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
