use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::stop::{Graceful, UntilStopped};
use crate::{
    metrics::{Ended, Metrics},
    tls::spoke_tls,
};

pin_project! {
    /// An HTTP/2 connection until its end. Says whether it had to end because the peer
    /// spoke TLS.
    ///
    /// A type and not an `async` block: a block has room for what it is given and for what
    /// it awaits, and a connection is the largest thing that a client costs.
    pub(super) struct Served<C> {
        #[pin]
        connection: UntilStopped<C>,
        metrics: Arc<Metrics>,
    }
}

impl<C> Served<C> {
    pub(super) fn new(connection: UntilStopped<C>, metrics: Arc<Metrics>) -> Self {
        Self {
            connection,
            metrics,
        }
    }
}

impl<C: Graceful<Output = hyper::Result<()>>> Future for Served<C> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = self.project();
        let Some(Err(error)) = ready!(this.connection.poll(cx)) else {
            return Poll::Ready(false);
        };
        tracing::debug!(%error, "connection ended");
        if error.is_timeout() {
            this.metrics.connection_ended(Ended::Unresponsive);
        } else if is_abuse(&error) {
            this.metrics.connection_ended(Ended::Protocol);
        }
        Poll::Ready(spoke_tls(&error))
    }
}

/// Whether the connection was ended by h2 for what the peer did.
fn is_abuse(error: &hyper::Error) -> bool {
    let h2 = error.source().and_then(|it| it.downcast_ref::<h2::Error>());
    h2.is_some_and(|error| error.is_go_away() && error.is_library())
}
