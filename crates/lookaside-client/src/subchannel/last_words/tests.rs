use std::{io::ErrorKind, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::timeout,
};

use super::*;

#[tokio::test]
async fn what_had_arrived_is_read_before_a_write_error_is_told() {
    let (near, mut far) = duplex(64);
    far.write_all(b"bye").await.unwrap();
    drop(far);
    let mut io = LastWords::new(near);
    io.write_all(b"request").await.unwrap();
    io.flush().await.unwrap();
    let mut words = Vec::new();
    io.read_to_end(&mut words).await.unwrap();
    assert_eq!(words, b"bye");
}

/// A peer that takes nothing and says nothing, but keeps the connection.
struct Deaf;

impl AsyncRead for Deaf {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_write_error_is_told_when_there_is_nothing_to_read() {
    let mut io = LastWords::new(Deaf);
    io.write_all(b"request").await.unwrap();
    let read = timeout(Duration::from_secs(5), io.read_u8()).await;
    assert_eq!(read.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_failed_write_wakes_whoever_drives_the_connection() {
    let mut io = LastWords::new(Deaf);
    // One task polls both sides, as h2 does: first the read side, then the write side.
    let driven = std::future::poll_fn(|cx| {
        let mut byte = [0];
        let read = Pin::new(&mut io).poll_read(cx, &mut ReadBuf::new(&mut byte));
        if read.is_pending() {
            assert!(Pin::new(&mut io).poll_write(cx, b"request").is_ready());
        }
        read
    });
    let read = timeout(Duration::from_secs(5), driven).await;
    assert_eq!(read.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
}
