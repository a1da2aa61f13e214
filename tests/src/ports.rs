//! Ports that nothing listens on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A loopback address that was free a moment ago, for programs that cannot be told to
/// choose their own port, or that must come back on the same one.
pub fn unused() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|l| l.local_addr())
        .expect("a free port")
}
