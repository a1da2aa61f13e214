use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};

/// What calls leave behind for the policy task, which asks from time to time whether the
/// channel is of use to anybody.
///
/// No counter of open calls: all calls of a process would write to one cache line, twice
/// each. Instead:
///
/// - `started` is written by the first call after each look only; all others read it.
/// - A call that was sent holds its connection, which the pool counts (and one counter per
///   connection there is anyway).
/// - A call that waits is counted, but waiting is slow by itself.
///
/// So a look can miss a call that is between two of these. That makes a channel IDLE too
/// early, but loses no call, since what a call does next is one of two things:
///
/// - It has a connection: then it holds what it needs, and finishes.
/// - It waits for a picker newer than the one it had. The IDLE picker is, and is published
///   before anything is let go of; picking from it wakes the channel.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    started: AtomicBool,
    waiting: AtomicUsize,
}

/// A call waits for a picker while this lives.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Activity);

impl Activity {
    /// A call begins.
    pub(super) fn call_started(&self) {
        if !self.started.load(Relaxed) {
            self.started.store(true, Relaxed);
        }
    }

    /// A call begins to wait.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, SeqCst);
        Waiting(self)
    }

    /// Whether a call began since the last time this was asked.
    pub(crate) fn take_started(&self) -> bool {
        self.started.swap(false, Relaxed)
    }

    /// Whether a call waits.
    pub(crate) fn anybody_waits(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests;
