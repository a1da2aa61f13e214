use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{Notify, oneshot},
};

use super::{
    frames::{Frame, FrameScanner},
    last_words::LastWords,
};
use crate::Transport;

/// A transport that reports the peer's first SETTINGS, its GOAWAY, and whether it answered.
pub(super) struct WatchedIo {
    io: LastWords<Transport>,
    scanner: FrameScanner,
    settings: Option<oneshot::Sender<()>>,
    go_away: Arc<Notify>,
    answered: Arc<AtomicBool>,
}

/// The other end of a [`WatchedIo`].
pub(super) struct FrameWatch {
    /// Resolves at the first SETTINGS; fails when the transport ends before.
    pub(super) settings: oneshot::Receiver<()>,
    /// Notified at a GOAWAY.
    pub(super) go_away: Arc<Notify>,
    /// Whether the peer has answered any call.
    pub(super) answered: Arc<AtomicBool>,
}

impl WatchedIo {
    pub(super) fn new(io: Transport) -> (Self, FrameWatch) {
        let (settings, settings_rx) = oneshot::channel();
        let go_away = Arc::new(Notify::new());
        let answered = Arc::new(AtomicBool::new(false));
        let watch = FrameWatch {
            settings: settings_rx,
            go_away: Arc::clone(&go_away),
            answered: Arc::clone(&answered),
        };
        let watched = Self {
            io: LastWords::new(io),
            scanner: FrameScanner::default(),
            settings: Some(settings),
            go_away,
            answered,
        };
        (watched, watch)
    }
}

impl AsyncRead for WatchedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let Self {
            scanner,
            settings,
            go_away,
            answered,
            ..
        } = &mut *self;
        scanner.feed(&buf.filled()[before..], |frame| match frame {
            Frame::Settings => {
                if let Some(settings) = settings.take() {
                    // Nobody listens when the attempt was given up.
                    let _ = settings.send(());
                }
            }
            Frame::GoAway => go_away.notify_one(),
            Frame::Headers => answered.store(true, Relaxed),
            Frame::Other => {}
        });
        polled
    }
}

impl AsyncWrite for WatchedIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
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
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
