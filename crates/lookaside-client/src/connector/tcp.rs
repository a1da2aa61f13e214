use std::{io, net::SocketAddr, path::Path, sync::Arc};

use tokio::net::TcpStream;

#[cfg(feature = "dns")]
use super::by_name::by_name;
use super::{ConnectFuture, Connector, Transport};
use crate::{Address, Endpoint};

/// TCP, and Unix sockets for addresses that are such. Without Nagle's delay, which would
/// hold back small frames. A name is looked up by the system, and connected to at the
/// first of its addresses that answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpConnector;

impl Connector for TcpConnector {
    fn connect(&self, address: &Address) -> ConnectFuture {
        match address.endpoint().clone() {
            Endpoint::Socket(socket) => {
                Box::pin(async move { tcp(socket).await.map(Transport::new) })
            }
            Endpoint::Host { name, port } => {
                Box::pin(async move { by_name(&name, port).await.map(Transport::new) })
            }
            Endpoint::Unix(path) => Box::pin(unix(path)),
        }
    }
}

pub(super) async fn tcp(socket: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(socket).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(not(feature = "dns"))]
async fn by_name(_: &str, _: u16) -> io::Result<TcpStream> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "host names need feature \"dns\" of lookaside-client",
    ))
}

#[cfg(unix)]
async fn unix(path: Arc<Path>) -> io::Result<Transport> {
    let stream = tokio::net::UnixStream::connect(&path).await?;
    Ok(Transport::new(stream))
}

#[cfg(not(unix))]
async fn unix(_: Arc<Path>) -> io::Result<Transport> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no Unix sockets",
    ))
}

#[cfg(test)]
mod tests;
