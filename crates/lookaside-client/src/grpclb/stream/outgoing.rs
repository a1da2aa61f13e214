use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Release},
    },
    task::{Context, Poll},
};

use lookaside_proto::lb::LoadBalanceRequest;
use tokio::sync::mpsc;
use tonic::codegen::tokio_stream::Stream;

/// The requests of a stream, and whether the last one has been taken.
pub(super) struct Outgoing(
    pub(super) mpsc::Receiver<LoadBalanceRequest>,
    pub(super) Arc<AtomicBool>,
);

impl Stream for Outgoing {
    type Item = LoadBalanceRequest;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.0.poll_recv(cx);
        if matches!(polled, Poll::Ready(Some(_))) {
            self.1.store(true, Release);
        }
        polled
    }
}
