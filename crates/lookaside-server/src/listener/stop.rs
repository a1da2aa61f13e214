use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use pin_project_lite::pin_project;

use super::idle::Idle;
use crate::{
    metrics::{Ended, Metrics},
    waiters::{Waiters, Waiting},
};

/// Tells all connections to end.
///
/// A connection looks at it whenever it is polled, which is on the way of every list: an
/// atomic load. (A `CancellationToken` takes a lock that all connections share.)
#[derive(Debug, Default)]
pub(crate) struct Stop {
    stage: AtomicU8,
    waiters: Waiters,
}

/// GOAWAY: no new streams, and the connection ends with its last one.
const GO_AWAY: u8 = 1;
/// The connection ends now.
const ABORT: u8 = 2;

impl Stop {
    pub(crate) fn go_away(&self) {
        self.advance(GO_AWAY);
    }

    pub(crate) fn abort(&self) {
        self.advance(ABORT);
    }

    /// Waits until connections end now, for one that does not speak HTTP/2 yet.
    pub(crate) async fn aborted(self: &Arc<Self>) {
        let mut listening = Listening {
            stop: Arc::clone(self),
            waiting: None,
        };
        poll_fn(|cx| match listening.stage(cx.waker()) {
            ABORT => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await;
    }

    fn advance(&self, stage: u8) {
        self.stage.fetch_max(stage, SeqCst);
        self.waiters.wake_all();
    }
}

/// A connection that can be told to end gracefully.
pub(crate) trait Graceful: Future {
    fn go_away(self: Pin<&mut Self>);
}

pin_project! {
    /// Drives a connection to its end, or until it is told to stop or has been idle for
    /// too long.
    pub(crate) struct UntilStopped<C> {
        #[pin]
        connection: C,
        listening: Listening,
        // `None` once it has ended.
        idle: Option<Idle>,
        metrics: Arc<Metrics>,
        going: bool,
    }
}

/// A place among the waiters of a [`Stop`].
struct Listening {
    stop: Arc<Stop>,
    waiting: Option<Waiting>,
}

impl Listening {
    fn stage(&mut self, waker: &Waker) -> u8 {
        self.stop.waiters.register(&mut self.waiting, waker, || ());
        self.stop.stage.load(SeqCst)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.waiters.remove(&mut self.waiting);
    }
}

impl<C: Graceful> UntilStopped<C> {
    pub(super) fn new(
        connection: C,
        stop: Arc<Stop>,
        idle: Option<Idle>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            connection,
            listening: Listening {
                stop,
                waiting: None,
            },
            idle,
            metrics,
            going: false,
        }
    }
}

impl<C: Graceful> Future for UntilStopped<C> {
    /// `None` when it was aborted.
    type Output = Option<C::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let stage = this.listening.stage(cx.waker());
        if stage >= ABORT {
            return Poll::Ready(None);
        }
        if stage >= GO_AWAY && !*this.going {
            *this.going = true;
            this.connection.as_mut().go_away();
        }
        if let Some(idle) = this.idle
            && Pin::new(idle).poll(cx).is_ready()
        {
            *this.idle = None;
            if !*this.going {
                *this.going = true;
                this.metrics.connection_ended(Ended::Idle);
                this.connection.as_mut().go_away();
            }
        }
        this.connection.poll(cx).map(Some)
    }
}

#[cfg(test)]
mod tests;
