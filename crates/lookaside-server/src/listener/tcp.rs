use std::{io, net::SocketAddr, time::Duration};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// How many connections may wait to be accepted: after a replica's death all of its
/// clients come within a second. The kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Backs up HTTP/2 keepalive, which starts only once the peer speaks HTTP/2.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// A port that is taken but not open: its number is known, and connections to it are
/// refused until [`BoundPort::open`].
///
/// That is what makes clients go to the next replica: a port that accepts and stays
/// silent would keep them.
#[derive(Debug)]
pub(crate) struct BoundPort {
    socket: Socket,
    addr: SocketAddr,
}

impl BoundPort {
    pub(crate) fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(addr),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        // A restart must not wait for connections in TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        let addr = socket.local_addr()?.as_socket().unwrap_or(addr);
        Ok(Self { socket, addr })
    }

    /// Where it is, with the port the kernel chose where 0 was asked for.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts to accept, until both this and what it returns are dropped. Can be tried
    /// again when it fails.
    pub(crate) fn open(&self) -> io::Result<TcpListener> {
        self.socket.listen(BACKLOG)?;
        TcpListener::from_std(self.socket.try_clone()?.into())
    }
}

/// Settings of an accepted connection. They make it faster and tidier; one that refuses
/// them works.
pub(crate) fn tune(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(TCP_KEEPALIVE);
    let tuned = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = tuned {
        tracing::debug!(%error, "socket options");
    }
}

#[cfg(test)]
mod tests;
