use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use lookaside_tests::bench::frames::{kind, preface};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

/// How long anything may take.
const BOUND: Duration = Duration::from_secs(20);

/// HTTP/2's default.
pub(crate) const WINDOW: u32 = 65_535;

/// A raw connection that has sent its preface.
pub(crate) async fn connect(balancer: SocketAddr) -> std::io::Result<TcpStream> {
    let mut socket = TcpStream::connect(balancer).await?;
    socket.write_all(&preface(WINDOW)).await?;
    Ok(socket)
}

/// Writes `bytes` without end, reading whatever comes; returns when the balancer has closed
/// the connection.
pub(crate) async fn repeat(socket: TcpStream, mut bytes: impl FnMut() -> Vec<u8>) -> u64 {
    let (mut reader, mut writer) = socket.into_split();
    let mut rounds = 0;
    let write = async {
        while writer.write_all(&bytes()).await.is_ok() {
            rounds += 1;
        }
    };
    let read = async {
        let mut buffer = vec![0; 16 * 1024];
        while reader.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
    rounds
}

/// Runs `count` peers, each of which begins again when it has been closed.
pub(crate) async fn crowd<F>(count: usize, peer: impl Fn(usize) -> F + Clone + Send + 'static)
where
    F: Future + Send + 'static,
{
    let mut peers = JoinSet::new();
    for n in 0..count {
        let peer = peer.clone();
        peers.spawn(async move {
            loop {
                peer(n).await;
                // However fast it is thrown out, others want to run as well.
                tokio::task::yield_now().await;
            }
        });
    }
    peers.join_all().await;
}

/// What the balancer says until it closes the connection, or for so long.
pub(crate) async fn hear(socket: &mut TcpStream, time: Duration) -> (Vec<u8>, bool) {
    let mut heard = Vec::new();
    let closed = timeout(time, async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(n @ 1..) = socket.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..n]);
        }
    });
    let closed = closed.await.is_ok();
    (heard, closed)
}

/// A peer that sends no more data than it may, as HTTP/2 has it.
pub(crate) struct Polite {
    pub(crate) socket: TcpStream,
    window: usize,
    heard: Vec<u8>,
}

impl Polite {
    pub(crate) async fn connect(balancer: SocketAddr) -> Result<Self> {
        Ok(Self {
            socket: connect(balancer).await?,
            window: WINDOW as usize,
            heard: Vec::new(),
        })
    }

    /// Writes frames that have so much data in them, when there is room for it.
    pub(crate) async fn send(&mut self, frames: &[u8], data: usize) -> Result<()> {
        while self.window < data {
            let mut buffer = vec![0; 16 * 1024];
            let n = timeout(BOUND, self.socket.read(&mut buffer)).await??;
            ensure!(n > 0, "the balancer closed the connection");
            self.heard.extend_from_slice(&buffer[..n]);
            self.look();
        }
        self.window -= data;
        Ok(self.socket.write_all(frames).await?)
    }

    /// Takes note of what has been granted.
    fn look(&mut self) {
        while let Some(&[a, b, c, of, _, i, j, k, l]) = self.heard.first_chunk() {
            let end = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(payload) = self.heard.get(9..end) else {
                return;
            };
            if of == kind::WINDOW_UPDATE
                && [i, j, k, l] == [0; 4]
                && let Some(granted) = payload.first_chunk()
            {
                self.window += u32::from_be_bytes(*granted) as usize;
            }
            self.heard.drain(..end);
        }
    }
}
