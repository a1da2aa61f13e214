use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::tls::{SPOKE_TLS, is_tls};

/// How long a new connection may stay silent. HTTP/2 keepalive begins after the client's
/// preface and TCP keepalive finds only peers that are gone, so that connections of port
/// scanners and of probes would pile up until the limit is reached.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection whose first read fails when its peer says nothing.
#[derive(Debug)]
pub(super) struct Hello<IO> {
    io: IO,
    /// Until something came.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<IO> Hello<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self {
            io,
            timer: Some(Box::pin(sleep(PATIENCE))),
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Hello<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() {
            let is_first = self.timer.take().is_some();
            let first = buf.filled().get(before);
            if is_first && first.is_some_and(|first| is_tls(*first)) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, SPOKE_TLS)));
            }
        } else if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            let why = format!("the peer said nothing for {PATIENCE:?}");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Hello<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
