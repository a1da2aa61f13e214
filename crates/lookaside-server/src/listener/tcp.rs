use std::{io, net::SocketAddr, time::Duration};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::Connections;

/// Backs up HTTP/2 keepalive, which starts only once the peer speaks HTTP/2.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// How long the kernel keeps data that the peer does not acknowledge: also after we have
/// closed the connection, when nothing else ends it.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// How much the kernel takes beyond what it can send at once. A list that it has taken is
/// sent even when a newer one has come, and a client that does not read would fill
/// megabytes with old lists.
#[cfg(target_os = "linux")]
const NOT_SENT: u32 = 128 * 1024;

/// A port that is taken but not open: its number is known, and connections to it are
/// refused until [`BoundPort::open`].
///
/// That is what makes clients go to the next replica: a port that accepts and stays
/// silent would keep them.
#[derive(Debug)]
pub(crate) struct BoundPort {
    socket: Socket,
    addr: SocketAddr,
    backlog: i32,
}

impl BoundPort {
    pub(crate) fn bind(addr: SocketAddr, connections: &Connections) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(addr),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        // A restart must not wait for connections in TIME_WAIT.
        socket.set_reuse_address(true)?;
        if connections.reuse_port {
            socket.set_reuse_port(true)?;
        }
        socket.bind(&addr.into())?;
        let addr = socket.local_addr()?.as_socket().unwrap_or(addr);
        let backlog = i32::try_from(connections.backlog).unwrap_or(i32::MAX);
        Ok(Self {
            socket,
            addr,
            backlog,
        })
    }

    /// Where it is, with the port the kernel chose where 0 was asked for.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts to accept, until both this and what it returns are dropped. Can be tried
    /// again when it fails.
    pub(crate) fn open(&self) -> io::Result<TcpListener> {
        self.socket.listen(self.backlog)?;
        TcpListener::from_std(self.socket.try_clone()?.into())
    }
}

/// Settings of an accepted connection. They make it faster and tidier; one that refuses
/// them works.
pub(crate) fn tune(stream: &TcpStream) {
    if let Err(error) = set_options(stream) {
        tracing::debug!(%error, "socket options");
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEPALIVE))?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        socket.set_tcp_notsent_lowat(NOT_SENT)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
