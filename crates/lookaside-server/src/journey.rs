//! One change's way from the registry to the last stream that was open, and what each part
//! of it takes. Counted on the way of every list: atomics alone, no lock, no allocation.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering::AcqRel},
};

use tokio::time::Instant;
use tracing::Span;

use crate::metrics::PushMetrics;

/// More streams than there can be: until it is known how many wait, nobody is the last.
const UNKNOWN: i64 = 1 << 40;

/// What is traced of it: one span a change, however many streams there are.
#[derive(Debug)]
struct Way {
    change: Span,
    /// From when the streams could take it until the last one has; within `change`.
    send: Span,
}

/// Goes with an update to its streams.
#[derive(Debug)]
pub(crate) struct Journey {
    metrics: Arc<PushMetrics>,
    /// When this process heard of the change.
    heard_at: Instant,
    /// When the streams could take it.
    published_at: Instant,
    /// Streams that were there before and do not have it yet.
    waiting: AtomicI64,
    /// Ends when the last stream has it. Locked once when the streams are woken and once by
    /// whoever is last: never for each of them.
    span: Mutex<Option<Way>>,
}

impl Journey {
    /// Begins the part that streams have in it; `change` is the span of the whole.
    pub(crate) fn new(metrics: Arc<PushMetrics>, heard_at: Instant, change: Span) -> Self {
        let send = tracing::debug_span!(parent: &change, "send");
        Self {
            metrics,
            heard_at,
            published_at: Instant::now(),
            waiting: AtomicI64::new(UNKNOWN),
            span: Mutex::new(Some(Way { change, send })),
        }
    }

    /// So many streams have been woken for it; some of them may have it already.
    pub(crate) fn woken(&self, streams: usize) {
        if let Some(way) = &*self.span() {
            way.change.record("streams", streams);
        }
        let streams = i64::try_from(streams).unwrap_or(0);
        self.left(UNKNOWN - streams);
    }

    /// A stream that was there before has taken it.
    pub(crate) fn taken(&self) {
        self.metrics.send.observe(self.published_at.elapsed());
        self.left(1);
    }

    /// A stream that was there before has ended without it.
    pub(crate) fn given_up(&self) {
        self.left(1);
    }

    fn left(&self, streams: i64) {
        if self.waiting.fetch_sub(streams, AcqRel) == streams {
            self.complete();
        }
    }

    fn complete(&self) {
        let took = self.heard_at.elapsed();
        self.metrics.complete.observe(took);
        let way = self.span().take();
        if let Some(way) = way {
            way.send
                .in_scope(|| tracing::debug!(?took, "the last stream has it"));
        }
    }

    fn span(&self) -> std::sync::MutexGuard<'_, Option<Way>> {
        self.span.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        if *self.waiting.get_mut() > 0 {
            self.metrics.overtaken.inc();
            let streams = *self.waiting.get_mut();
            if let Some(way) = self.span().take() {
                way.send.in_scope(|| {
                    tracing::debug!(streams, "a newer change came before the last stream had it")
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
