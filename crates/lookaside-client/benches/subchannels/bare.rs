use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
};

use crate::{Figures, peer::Peer, resident};

/// The least that connections cost: each is made, and held; READY is what its peer makes it
/// by the first bytes, its SETTINGS.
pub(crate) async fn ready(count: usize, peer: Peer) -> Figures {
    let ready = Arc::new(Semaphore::new(0));
    let before = resident();
    let began = Instant::now();
    let mut connecting = JoinSet::new();
    for n in 0..count {
        let (at, ready) = (peer.address(n), Arc::clone(&ready));
        connecting.spawn(async move {
            let socket = TcpStream::connect(at).await.expect("connected");
            socket.set_nodelay(true).expect("a TCP socket");
            let io = Heard {
                socket,
                ready: Some(ready),
            };
            let builder = http2::Builder::new(TokioExecutor::new());
            let (sender, connection) = builder
                .handshake::<_, Empty<Bytes>>(TokioIo::new(io))
                .await
                .expect("a handshake");
            tokio::spawn(connection);
            sender
        });
    }
    let senders = connecting.join_all().await;
    let all = u32::try_from(count).expect("as many as permits");
    let _all = ready.acquire_many(all).await.expect("never closed");
    let time = began.elapsed();
    let memory = resident().saturating_sub(before) / count;
    drop(senders);
    Figures {
        memory,
        ready: Some(time),
        update: None,
    }
}

/// Says when the peer has spoken.
struct Heard {
    socket: TcpStream,
    ready: Option<Arc<Semaphore>>,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > before
            && let Some(ready) = self.ready.take()
        {
            ready.add_permits(1);
        }
        polled
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
