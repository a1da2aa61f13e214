//! Ends a stream whose client has stopped reading.
//!
//! hyper polls a response body for the next frame only when the last one has found room
//! in h2 (`PipeToSendStream` in hyper's `proto/h2/mod.rs`). So a frame that was handed over
//! with no further poll means a client that does not read; the body cannot see that
//! itself, because it is not polled. The stream's task can. A body that does see it, because
//! it waits for its last frame to leave, says so.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::connection::OpenRequest;

tokio::task_local! {
    /// What the body of the stream being polled did last in this poll.
    static LAST: Cell<Option<BodyPoll>>;
}

/// What a response body did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyPoll {
    /// It was polled and had nothing to send.
    Idle,
    /// It gave hyper data to send.
    HandedOver,
    /// It has something to send behind data that has not left.
    Blocked,
}

/// A response body says what it did, at the end of each of its polls.
pub(crate) fn note(poll: BodyPoll) {
    // Outside of a stream's task (a body under test) nobody is interested.
    let _ = LAST.try_with(|last| last.set(Some(poll)));
}

pin_project! {
    /// One stream's future, which ends when data has waited for its client for `limit`.
    pub(crate) struct WriteDeadline<F> {
        #[pin]
        stream: F,
        limit: Duration,
        _request: OpenRequest,
        // There only while data waits: an idle stream has no timer.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F> WriteDeadline<F> {
    pub(crate) fn new(stream: F, limit: Duration, request: OpenRequest) -> Self {
        Self {
            stream,
            limit,
            _request: request,
            timer: None,
        }
    }
}

impl<F: Future<Output = ()>> Future for WriteDeadline<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let (done, last) = LAST.sync_scope(Cell::new(None), || {
            (this.stream.poll(cx).is_ready(), LAST.with(Cell::get))
        });
        if done {
            return Poll::Ready(());
        }
        match last {
            Some(BodyPoll::HandedOver) => *this.timer = Some(Box::pin(sleep(*this.limit))),
            Some(BodyPoll::Blocked) => {
                let limit = *this.limit;
                this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
            }
            Some(BodyPoll::Idle) => *this.timer = None,
            None => {}
        }
        let Some(timer) = this.timer else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(cx));
        tracing::debug!(limit = ?*this.limit, "a client does not read: stream closed");
        // Dropping the stream resets it.
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
