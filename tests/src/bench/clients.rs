//! Thousands of clients in one thread, each a socket with one stream.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use super::baseline::BOUND;
use super::frames::{Reader, opening, opening_stuck};

/// More connects at once than this only fill the listener's queue.
const CONNECTING: usize = 512;

/// Lets this process open as many files as the system allows it, and so its children.
pub fn raise_open_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)
        .expect("up to the maximum");
}

/// A crowd of open streams.
#[derive(Debug)]
pub struct Clients {
    tasks: JoinSet<Result<()>>,
    lists: Arc<AtomicUsize>,
    progress: watch::Receiver<usize>,
    count: usize,
}

impl Clients {
    /// Connects `count` clients that ask for `service`. Does not wait for lists.
    ///
    /// # Errors
    /// When a connection is refused.
    pub async fn open(addr: SocketAddr, service: &str, count: usize) -> Result<Self> {
        let (lists, opening) = (Arc::new(AtomicUsize::new(0)), opening(service));
        let (announce, progress) = watch::channel(0);
        let announce = Arc::new(announce);
        let limit = Arc::new(Semaphore::new(CONNECTING));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let (lists, opening, limit) = (lists.clone(), opening.clone(), limit.clone());
            let announce = announce.clone();
            tasks.spawn(async move {
                let permit = limit.acquire_owned().await?;
                let mut socket = TcpStream::connect(addr).await.context("connecting")?;
                socket.set_nodelay(true)?;
                socket.write_all(&opening).await?;
                drop(permit);
                let mut reader = Reader::default();
                // The tasks share a thread; the buffer is small, for the memory of many.
                let mut buffer = vec![0; 4096];
                loop {
                    let n = socket.read(&mut buffer).await?;
                    if n == 0 {
                        bail!("the server closed a connection");
                    }
                    let received = reader.read(&buffer[..n]);
                    if let Some(reason) = received.ended {
                        bail!("{reason}");
                    }
                    if received.lists > 0 {
                        let before = lists.fetch_add(received.lists, Ordering::Relaxed);
                        let now = before + received.lists;
                        // Only the last of a round is waited for.
                        if before / count != now / count {
                            announce.send_replace(now);
                        }
                    }
                    if !received.reply.is_empty() {
                        socket.write_all(&received.reply).await?;
                    }
                }
            });
        }
        Ok(Self {
            tasks,
            lists,
            progress,
            count,
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Waits until every client has got `rounds` lists in all; gives when the last had.
    ///
    /// # Errors
    /// When a stream ends, or after `bound`.
    pub async fn all_have(&mut self, rounds: usize, bound: Duration) -> Result<Instant> {
        let wanted = rounds * self.count;
        let lists = self.lists.clone();
        let wait = async {
            tokio::select! {
                got = self.progress.wait_for(|got| *got >= wanted) => got.map(|_| ()).context("no clients"),
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => ended.context("a client failed")?.context("a client's stream ended"),
                    None => bail!("no clients"),
                },
            }
        };
        let waited = timeout(bound, wait).await;
        waited.with_context(|| {
            format!(
                "{} of {wanted} lists after {bound:?}",
                lists.load(Ordering::Relaxed)
            )
        })??;
        Ok(Instant::now())
    }
}

/// Streams that were opened and are never read.
#[derive(Debug)]
pub struct Stuck {
    _sockets: Vec<TcpStream>,
}

impl Stuck {
    /// Opens `count` of them for `service`.
    ///
    /// # Errors
    /// When a connection is refused.
    pub async fn open(addr: SocketAddr, service: &str, count: usize) -> Result<Self> {
        let opening = opening_stuck(service);
        let mut sockets = Vec::with_capacity(count);
        for _ in 0..count {
            let mut socket = TcpStream::connect(addr).await.context("connecting")?;
            socket.write_all(&opening).await?;
            sockets.push(socket);
        }
        // The first list is there when there is something to read.
        for socket in &sockets {
            timeout(BOUND, socket.readable())
                .await
                .context("a stuck client got nothing")??;
        }
        Ok(Self { _sockets: sockets })
    }
}
