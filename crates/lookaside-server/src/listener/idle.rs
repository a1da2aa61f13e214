use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::Connection;

/// Ends when a connection has had no request for so long.
#[derive(Debug)]
pub(super) struct Idle {
    connection: Arc<Connection>,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Idle {
    /// `limit` zero: it never ends.
    pub(super) fn new(connection: Arc<Connection>, limit: Duration) -> Option<Self> {
        (!limit.is_zero()).then(|| Self {
            connection,
            limit,
            timer: Box::pin(sleep(limit)),
        })
    }
}

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            // One timer, and not one for each request: it looks back when it fires.
            ready!(this.timer.as_mut().poll(cx));
            let end = this.connection.quiet_since() + this.limit;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            this.timer.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests;
