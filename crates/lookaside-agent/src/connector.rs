use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    time::timeout,
};
use tower_service::Service;

/// Connects to a balancer, and rings when a connection that stood is gone: tonic's
/// channel says nothing of that, and reconnects only for the next request.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) disconnected: Arc<Notify>,
    pub(crate) timeout: Duration,
    pub(crate) tls: Option<Tls>,
}

/// What takes connections into TLS.
#[cfg(feature = "tls")]
pub(crate) type Tls = lookaside_tls::ClientTls;
/// There is none. Not `Infallible`: that is `Copy`, which what stands here with the feature
/// is not.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(crate) enum Tls {}

/// A byte stream, in TLS or not.
trait Io: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug> Io for T {}

async fn connect(uri: Uri, tls: Option<Tls>) -> io::Result<Box<dyn Io>> {
    let address = uri.authority().map_or("", |authority| authority.as_str());
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Box::new(stream)),
        #[cfg(feature = "tls")]
        Some(tls) => {
            let host = uri.host().unwrap_or_default();
            Ok(Box::new(tls.connect(host, stream).await?))
        }
        #[cfg(not(feature = "tls"))]
        Some(never) => match never {},
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self {
            disconnected,
            timeout: limit,
            tls,
        } = self.clone();
        Box::pin(async move {
            let stream = timeout(limit, connect(uri, tls))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            Ok(TokioIo::new(Connection {
                stream,
                disconnected,
            }))
        })
    }
}

/// A connection that rings when it is dropped, which is when HTTP/2 gives it up.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Box<dyn Io>,
    disconnected: Arc<Notify>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.disconnected.notify_one();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
