use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A transport whose write errors wait until everything that had arrived has been read.
///
/// A peer that is leaving sends GOAWAY and closes. A request that is written after that
/// fails with a broken pipe while the GOAWAY, which says that the request was not looked
/// at, is still unread: h2 would give up on the write error and the call would be lost.
#[derive(Debug)]
pub(super) struct LastWords<IO> {
    io: IO,
    /// Why nothing is written any more.
    broken: Option<io::Error>,
}

impl<IO> LastWords<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self { io, broken: None }
    }

    /// What to answer to a write of `len` bytes that went as `written` says.
    fn written(
        &mut self,
        len: usize,
        written: Poll<io::Result<usize>>,
        cx: &Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(Err(error)) = written else {
            return written;
        };
        self.broken = Some(error);
        // The read side has to find out.
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(len))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for LastWords<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        match &self.broken {
            Some(error) if polled.is_pending() => {
                Poll::Ready(Err(io::Error::new(error.kind(), error.to_string())))
            }
            _ => polled,
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for LastWords<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.written(buf.len(), written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken.is_some() {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        let written = flushed.map_ok(|()| 0);
        self.written(0, written, cx).map_ok(drop)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = bufs.iter().map(|buf| buf.len()).sum();
        if self.broken.is_some() {
            return Poll::Ready(Ok(len));
        }
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.written(len, written, cx)
    }
}

#[cfg(test)]
mod tests;
