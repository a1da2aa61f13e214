use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::inbound::Inbound;
use crate::{
    Connections,
    metrics::{Ended, Metrics},
    tls::{SPOKE_TLS, is_tls},
};

/// A connection whose peer must begin to speak in time, is read no faster than it may be,
/// and must take what is written to it.
///
/// HTTP/2 keepalive covers none of it: it begins after the client's first frame, and once
/// it has given up, h2 waits for the last of its frames to be written.
#[derive(Debug)]
pub(super) struct Guarded<IO> {
    io: IO,
    inbound: Inbound,
    /// Until the peer has begun to speak; then, until it may be read on.
    reading: Option<Pin<Box<Sleep>>>,
    /// While something waits to be written.
    writing: Option<Pin<Box<Sleep>>>,
    write_limit: Duration,
    metrics: Arc<Metrics>,
}

impl<IO> Guarded<IO> {
    pub(super) fn new(
        io: IO,
        connections: &Connections,
        write_limit: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let hello = connections.hello;
        Self {
            io,
            inbound: Inbound::new(connections.frames_per_second, Instant::now()),
            reading: (!hello.is_zero()).then(|| Box::pin(sleep(hello))),
            writing: None,
            write_limit,
            metrics,
        }
    }

    fn cut(&self, why: Ended, text: &'static str) -> io::Error {
        self.metrics.connection_ended(why);
        io::Error::new(io::ErrorKind::TimedOut, text)
    }

    /// Passes on what writing came to, unless nothing could be written for too long.
    fn written<T>(
        &mut self,
        result: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.writing = None;
            return result;
        }
        let limit = self.write_limit;
        let timer = self.writing.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(self.cut(Ended::Stalled, "the peer takes nothing")))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Guarded<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.inbound.has_begun()
            && let Some(pause) = &mut this.reading
        {
            ready!(pause.as_mut().poll(cx));
            this.reading = None;
        }
        let (before, begun) = (buf.filled().len(), this.inbound.has_begun());
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                let read = &buf.filled()[before..];
                if !begun && read.first().is_some_and(|first| is_tls(*first)) {
                    let kind = io::ErrorKind::InvalidData;
                    return Poll::Ready(Err(io::Error::new(kind, SPOKE_TLS)));
                }
                let until = this.inbound.read(read, Instant::now());
                if this.inbound.has_begun() {
                    this.reading = until.map(|until| Box::pin(sleep_until(until)));
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending if let Some(hello) = &mut this.reading => {
                ready!(hello.as_mut().poll(cx));
                Poll::Ready(Err(this.cut(Ended::Silent, "the peer says nothing")))
            }
            other => other,
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Guarded<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, data);
        self.written(result, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(cx);
        self.written(result, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_shutdown(cx);
        self.written(result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, data);
        self.written(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
