use std::{io, net::SocketAddr, time::Duration};

use tokio::{net::TcpStream, task::JoinSet, time::sleep};

use super::tcp::tcp;

/// How long an attempt has before the next address is tried beside it (RFC 8305, happy
/// eyeballs): a dead first address costs so much, not its connect timeout.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to one of the addresses that the system finds for a name.
pub(super) async fn by_name(name: &str, port: u16) -> io::Result<TcpStream> {
    let sockets: Vec<_> = tokio::net::lookup_host((name, port)).await?.collect();
    first_of(sockets).await
}

/// The first that answers. They are tried in turn: the next when one has failed, or has not
/// answered for a while.
async fn first_of(sockets: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = sockets.into_iter();
    // Dropped with this future, which ends what it began.
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no addresses");
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some(socket) = next {
            attempts.spawn(attempt(socket));
        }
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => last = error,
                Some(Err(error)) => last = error.into(),
                None => return Err(last),
            },
            () = sleep(ATTEMPT_DELAY), if more => {}
        }
    }
}

async fn attempt(socket: SocketAddr) -> io::Result<TcpStream> {
    let wrong = |error: io::Error| io::Error::new(error.kind(), format!("{socket}: {error}"));
    tcp(socket).await.map_err(wrong)
}

#[cfg(test)]
mod tests;
