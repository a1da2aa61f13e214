use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// The first wait when accepting fails for want of something (descriptors, memory), and
/// the longest. Trying again at once would spin: the connection stays in the backlog.
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// Accepts connections until it is dropped.
pub(crate) async fn accept(
    listener: TcpListener,
    mut on_connection: impl FnMut(TcpStream, SocketAddr),
) {
    let accept = |cx: &mut Context<'_>| listener.poll_accept(cx);
    accept_from(accept, |(stream, peer)| {
        super::tcp::tune(&stream);
        on_connection(stream, peer);
    })
    .await;
}

async fn accept_from<C>(
    mut accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<C>>,
    mut on_connection: impl FnMut(C),
) {
    let mut back_off = FIRST_BACK_OFF;
    loop {
        match poll_fn(&mut accept).await {
            Ok(connection) => {
                back_off = FIRST_BACK_OFF;
                on_connection(connection);
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, ?back_off, "cannot accept connections");
                sleep(back_off).await;
                back_off = (back_off * 2).min(MAX_BACK_OFF);
            }
        }
    }
}

/// Whether it is the connection that failed and not the listener (accept(2): "treat
/// them like EAGAIN").
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::TimedOut
            | io::ErrorKind::PermissionDenied // a firewall's refusal
    )
}

#[cfg(test)]
mod tests;
