use std::{fmt, net::SocketAddr, sync::Arc};

use lookaside_core::{Backend, Host};

/// A backend's address, as a probe needs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    addr: SocketAddr,
    /// The host name it is registered by.
    host: Option<Arc<str>>,
}

impl Target {
    /// One of a backend's addresses.
    pub fn new(backend: &Backend, addr: SocketAddr) -> Self {
        let host = match backend.address.host() {
            Host::Ip(_) => None,
            Host::Name(name) => Some(Arc::clone(name)),
        };
        Self { addr, host }
    }

    /// Where it is dialled.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What TLS asks for; `None` for a backend that is registered by its IP address.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// What requests name as their server.
    pub(super) fn authority(&self) -> String {
        match &self.host {
            Some(host) => format!("{host}:{}", self.addr.port()),
            None => self.addr.to_string(),
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        Self { addr, host: None }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{} ({host})", self.addr),
            None => self.addr.fmt(f),
        }
    }
}
