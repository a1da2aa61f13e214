//! Ends a stream whose client has stopped reading.
//!
//! hyper polls a response body for the next frame only when the last one has found room
//! in h2 (`PipeToSendStream` in hyper's `proto/h2/mod.rs`). So a frame that was handed over
//! with no further poll means a client that does not read; the body cannot see that
//! itself, because it is not polled. The stream's task can. The bodies of list streams, of
//! which there are many, say where to look instead: their flights have no timers.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::connection::OpenRequest;
use crate::{http::Flight, metrics::Metrics};

tokio::task_local! {
    /// What the body of the stream being polled says in this poll.
    static SAID: Said;
}

#[derive(Default)]
struct Said {
    last: Cell<Option<BodyPoll>>,
    flight: Cell<Option<Arc<Flight>>>,
}

/// What a response body did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyPoll {
    /// It was polled and had nothing to send.
    Idle,
    /// It gave hyper data to send.
    HandedOver,
}

/// A response body says what it did, at the end of each of its polls.
pub(crate) fn note(poll: BodyPoll) {
    // Outside of a stream's task (a body under test) nobody is interested.
    let _ = SAID.try_with(|said| said.last.set(Some(poll)));
}

/// A response body says once what tells when its stream has to end.
pub(crate) fn watch(flight: &Arc<Flight>) {
    let _ = SAID.try_with(|said| said.flight.set(Some(Arc::clone(flight))));
}

pin_project! {
    /// One stream's future, which ends when data has waited for its client for `limit`.
    pub(crate) struct WriteDeadline<F> {
        #[pin]
        stream: F,
        limit: Duration,
        flight: Option<Arc<Flight>>,
        metrics: Arc<Metrics>,
        _request: OpenRequest,
        // There only while data waits: an idle stream has no timer.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F> WriteDeadline<F> {
    pub(crate) fn new(
        stream: F,
        limit: Duration,
        request: OpenRequest,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            stream,
            limit,
            flight: None,
            metrics,
            _request: request,
            timer: None,
        }
    }
}

impl<F: Future<Output = ()>> Future for WriteDeadline<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let (done, last, flight) = SAID.sync_scope(Said::default(), || {
            let done = this.stream.poll(cx).is_ready();
            SAID.with(|said| (done, said.last.get(), said.flight.take()))
        });
        if done {
            return Poll::Ready(());
        }
        if flight.is_some() {
            *this.flight = flight;
        }
        if this.flight.as_ref().is_some_and(|it| it.has_expired()) {
            tracing::debug!("a client does not read its list: stream closed");
            return Poll::Ready(());
        }
        match last {
            Some(BodyPoll::HandedOver) => *this.timer = Some(Box::pin(sleep(*this.limit))),
            Some(BodyPoll::Idle) => *this.timer = None,
            None => {}
        }
        let Some(timer) = this.timer else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(cx));
        this.metrics.answers_stuck.inc();
        tracing::debug!(limit = ?*this.limit, "a client does not read: stream closed");
        // Dropping the stream resets it.
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
