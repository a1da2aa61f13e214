//! Ports that nothing listens on.

use std::{
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
};

/// A loopback address that was free a moment ago, for programs that cannot be told to
/// choose their own port, or that must come back on the same one.
pub fn unused() -> SocketAddr {
    reserve().expect("a free port")
}

/// Leaves the port in TIME_WAIT: the kernel then gives it to nobody who asks for any
/// port, neither to listen nor to connect from, for a minute; a program that asks for
/// it by number (with SO_REUSEADDR, as servers do) gets it.
fn reserve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut client = TcpStream::connect(address)?;
    let (server, _) = listener.accept()?;
    // Whoever closes first keeps the port.
    drop(server);
    client.read_exact(&mut [0]).err();
    drop(client);
    Ok(address)
}
