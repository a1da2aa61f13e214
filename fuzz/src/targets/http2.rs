//! HTTP/2 as it arrives at the client port.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::served::serve;

/// What every client begins with: the preface, and SETTINGS that say nothing.
const BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Any bytes as all that a client sends, and as what it sends after a good beginning: the
/// connection ends.
pub fn run(data: &[u8]) {
    for begin in [&[][..], BEGIN] {
        serve(|io| async move {
            let (mut from, mut to) = tokio::io::split(io);
            let send = async {
                // The balancer may have had enough.
                let _ = to.write_all(begin).await;
                let _ = to.write_all(data).await;
                let _ = to.shutdown().await;
            };
            let receive = async {
                let mut received = [0; 4096];
                while from.read(&mut received).await.is_ok_and(|n| n > 0) {}
            };
            tokio::join!(send, receive);
        });
    }
}
