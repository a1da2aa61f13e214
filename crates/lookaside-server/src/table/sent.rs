use std::{
    sync::atomic::{
        AtomicU8, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
        fence,
    },
    time::Duration,
};

use crate::topic::Origin;

/// What a stream was sent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Of its topic's updates; 0: of the one of another service, before this was known.
    pub(crate) update: u64,
    pub(crate) origin: Origin,
    /// Which of the list's rotations; `None`: it was told to fall back.
    pub(crate) rotation: Option<u32>,
    /// After the stream's begin.
    pub(crate) at: Duration,
}

/// What a stream was sent last, written by the stream and read by whoever asks: without a
/// lock, since the writer is on the way of a list.
///
/// A sequence lock: the number is odd while somebody writes, and a reader that sees it
/// change looks again.
#[derive(Debug, Default)]
pub(super) struct LastSent {
    sequence: AtomicU32,
    what: AtomicU8,
    update: AtomicU64,
    plan_version: AtomicU64,
    revision: AtomicU64,
    rotation: AtomicU32,
    at_millis: AtomicU64,
}

const NOTHING: u8 = 0;
const LIST: u8 = 1;
const FALLBACK: u8 = 2;

impl LastSent {
    /// To be called by one task alone, the stream's.
    pub(super) fn set(&self, sent: Sent) {
        let sequence = self.sequence.load(Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Relaxed);
        // Nobody sees what is written below before that.
        fence(Release);
        let (what, rotation) = match sent.rotation {
            Some(rotation) => (LIST, rotation),
            None => (FALLBACK, 0),
        };
        let Origin {
            plan_version,
            revision,
        } = sent.origin;
        let millis = u64::try_from(sent.at.as_millis()).unwrap_or(u64::MAX);
        self.what.store(what, Relaxed);
        self.update.store(sent.update, Relaxed);
        self.plan_version.store(plan_version, Relaxed);
        self.revision.store(revision.cast_unsigned(), Relaxed);
        self.rotation.store(rotation, Relaxed);
        self.at_millis.store(millis, Relaxed);
        self.sequence.store(sequence.wrapping_add(2), Release);
    }

    /// `None` before the first.
    pub(super) fn get(&self) -> Option<Sent> {
        loop {
            let before = self.sequence.load(Acquire);
            let what = self.what.load(Relaxed);
            let sent = Sent {
                update: self.update.load(Relaxed),
                origin: Origin {
                    plan_version: self.plan_version.load(Relaxed),
                    revision: self.revision.load(Relaxed).cast_signed(),
                },
                rotation: (what == LIST).then(|| self.rotation.load(Relaxed)),
                at: Duration::from_millis(self.at_millis.load(Relaxed)),
            };
            // What is read above was read before the number is looked at again.
            fence(Acquire);
            if before.is_multiple_of(2) && self.sequence.load(Relaxed) == before {
                return (what != NOTHING).then_some(sent);
            }
            // The writer has a few stores to do, if it is not kept from running.
            std::thread::yield_now();
        }
    }

    /// The stream goes on with another service, whose updates are numbered from 1, too.
    pub(super) fn forget_update(&self) {
        if let Some(sent) = self.get() {
            self.set(Sent { update: 0, ..sent });
        }
    }
}

#[cfg(test)]
mod tests;
