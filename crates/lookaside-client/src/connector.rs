use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

pub(crate) use named::Named;
pub use tcp::TcpConnector;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Address;

#[cfg(feature = "dns")]
mod by_name;
mod named;
mod tcp;

/// What a [`Connector`] returns.
pub type ConnectFuture = Pin<Box<dyn Future<Output = io::Result<Transport>> + Send>>;

/// How a subchannel gets its byte stream: TCP and Unix sockets by default, anything that
/// reads and writes otherwise (TLS, memory).
///
/// ```
/// use std::io;
///
/// use lookaside_client::{Address, ConnectFuture, Connector, Transport};
/// use tokio::{io::DuplexStream, sync::mpsc::UnboundedSender};
///
/// /// Leads to a server in the same process, in a test say, which serves what it is sent.
/// struct InMemory(UnboundedSender<DuplexStream>);
///
/// impl Connector for InMemory {
///     fn connect(&self, _: &Address) -> ConnectFuture {
///         let (here, there) = tokio::io::duplex(64 * 1024);
///         let sent = self.0.send(there);
///         Box::pin(async move {
///             sent.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
///             Ok(Transport::new(here))
///         })
///     }
/// }
/// ```
pub trait Connector: Send + Sync + 'static {
    /// Connects to `address`. Its authority is by whose name calls over the connection go:
    /// its own, or else the channel's. Dropped when the attempt has lasted too long or
    /// nobody wants it any more.
    ///
    /// # Errors
    /// Whatever the transport says; the channel adds the address.
    fn connect(&self, address: &Address) -> ConnectFuture;
}

/// A byte stream in both directions. Implemented for all that fits.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connected byte stream.
pub struct Transport {
    io: Box<dyn Io>,
    secure: bool,
}

impl Transport {
    /// Any byte stream.
    pub fn new(io: impl Io) -> Self {
        Self {
            io: Box::new(io),
            secure: false,
        }
    }

    /// One that is TLS, or as good: the `:scheme` of calls over it is `https`.
    pub fn secure(io: impl Io) -> Self {
        Self {
            secure: true,
            ..Self::new(io)
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Transport {
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
