use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// An IP address and a port.
    Socket(SocketAddr),
    /// A host by its name, looked up each time a connection is made.
    Host {
        /// The name.
        name: Arc<str>,
        /// The port.
        port: u16,
    },
    /// A Unix socket, by its path.
    Unix(Arc<Path>),
}

impl Endpoint {
    /// The socket address, unless that takes a lookup or there is none.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Socket(socket) => Some(*socket),
            Self::Host { .. } | Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(socket: SocketAddr) -> Self {
        Self::Socket(socket)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(socket) => socket.fmt(f),
            Self::Host { name, port } => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
