use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use rustix::io::Errno;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::reserve::Reserve;

/// The first wait when accepting fails for want of something (descriptors, memory), and
/// the longest. Trying again at once would spin: the connection stays in the backlog.
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// Accepts connections until it is dropped. `on_shed` is told of each one that is closed
/// because there is no descriptor for it.
pub(crate) async fn accept(
    listener: TcpListener,
    mut on_connection: impl FnMut(TcpStream, SocketAddr),
    on_shed: impl FnMut(),
) {
    let accept = |cx: &mut Context<'_>| listener.poll_accept(cx);
    let on_connection = |(stream, peer)| {
        super::tcp::tune(&stream);
        on_connection(stream, peer);
    };
    accept_from(accept, Reserve::new(), on_connection, on_shed).await;
}

async fn accept_from<C>(
    mut accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<C>>,
    mut reserve: Reserve,
    mut on_connection: impl FnMut(C),
    mut on_shed: impl FnMut(),
) {
    let mut back_off = FIRST_BACK_OFF;
    loop {
        let error = match poll_fn(&mut accept).await {
            Ok(connection) => {
                back_off = FIRST_BACK_OFF;
                on_connection(connection);
                continue;
            }
            Err(error) if is_of_connection(&error) => continue,
            Err(error) => error,
        };
        tracing::warn!(%error, wait = ?back_off, "cannot accept connections");
        if is_out_of_files(&error) {
            // Those that wait would wait until their own timeouts; closed, they go to the
            // next replica.
            poll_fn(|cx| {
                reserve.lend(|| {
                    while let Poll::Ready(Ok(_)) = accept(cx) {
                        on_shed();
                    }
                });
                Poll::Ready(())
            })
            .await;
        }
        sleep(back_off).await;
        back_off = (back_off * 2).min(MAX_BACK_OFF);
    }
}

/// Of this process, or of the whole system.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
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
