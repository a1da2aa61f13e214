use std::{io, net::SocketAddr, time::Duration};

use rustix::io::Errno;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::error::{ProbeError, text};

/// A connection to a backend, which is well if it accepts one.
pub(super) async fn connect(addr: SocketAddr) -> Result<TcpStream, ProbeError> {
    let stream = TcpStream::connect(addr).await;
    unless_self(stream.map_err(|error| failure(&error))?, addr)
}

pub(super) fn unless_self(stream: TcpStream, addr: SocketAddr) -> Result<TcpStream, ProbeError> {
    // The kernel may give a dialler the very port that it dials, where nobody listens:
    // TCP then connects it to itself.
    if stream.local_addr().is_ok_and(|local| local == addr) {
        reset(&stream);
        return Err(ProbeError::Refused);
    }
    Ok(stream)
}

/// Has the connection end with a reset when it is closed: whoever closes a connection in
/// the usual way keeps it in TIME_WAIT for a minute, which is 120,000 of them at 2,000
/// probes a second.
pub(super) fn reset(stream: &TcpStream) {
    // One that refuses is closed in the usual way.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

pub(super) fn failure(error: &io::Error) -> ProbeError {
    match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => ProbeError::Refused,
        // Out of files, local ports or memory.
        Some(Errno::MFILE | Errno::NFILE | Errno::ADDRNOTAVAIL | Errno::NOBUFS | Errno::NOMEM) => {
            ProbeError::Local(text(error))
        }
        _ => ProbeError::Connect(text(error)),
    }
}
