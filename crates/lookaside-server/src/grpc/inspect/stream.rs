use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use lookaside_core::{ServiceName, TokenIssuer};
use lookaside_proto::v1::Service;
use tokio::sync::watch;
use tonic::Status;

use super::describe::describe;
use crate::table::{Entry, Published, Table};

/// A service now, and again after every change. Of several changes while the peer is not
/// reading it gets the last.
pub(crate) struct ServiceStream {
    next: Pin<Box<dyn Future<Output = (Watched, Service)> + Send>>,
}

/// A service that is watched, known or not.
struct Watched {
    table: Arc<Table>,
    names: Vec<ServiceName>,
    tokens: watch::Receiver<TokenIssuer>,
    /// Not while the service is unknown.
    entry: Option<(Arc<Entry>, Changes)>,
}

type Changes = watch::Receiver<Option<Arc<Published>>>;

impl ServiceStream {
    pub(super) fn new(
        table: Arc<Table>,
        names: Vec<ServiceName>,
        tokens: watch::Receiver<TokenIssuer>,
    ) -> Self {
        let watched = Watched {
            table,
            names,
            tokens,
            entry: None,
        };
        Self {
            next: Box::pin(watched.next()),
        }
    }
}

impl Watched {
    async fn next(mut self) -> (Self, Service) {
        let mut appearances = self.table.appearances();
        loop {
            if let Some((entry, changes)) = &mut self.entry {
                // Errors would mean that entry or table are gone, and we hold them.
                let changed = tokio::select! {
                    _ = changes.changed() => true,
                    _ = appearances.changed() => false,
                };
                if !self.table.has(entry) {
                    // Forgotten; it may have come back.
                    self.entry = None;
                } else if changed {
                    let described = describe(entry, &self.tokens.borrow());
                    if let Some(service) = described {
                        return (self, service);
                    }
                }
            } else if let Some(entry) = self.table.find(&self.names) {
                let mut changes = entry.watch();
                changes.mark_changed();
                self.entry = Some((entry, changes));
            } else {
                // An error would mean that the table is gone, and we hold it.
                let _ = appearances.changed().await;
            }
        }
    }
}

impl Stream for ServiceStream {
    type Item = Result<Service, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (watched, service) = ready!(self.next.as_mut().poll(cx));
        self.next = Box::pin(watched.next());
        Poll::Ready(Some(Ok(service)))
    }
}
