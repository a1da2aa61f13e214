//! Names without end.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use lookaside_tests::{
    bench::frames::{END_STREAM, frame, kind, message, preface, request},
    eventually,
    poll::check,
    wire::initial,
};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::world::World;

const PEERS: usize = 100;

/// Streams of a peer at a time, each for a name of its own: nearly as many as it may have.
const STREAMS: usize = 96;

/// How many names are asked for in all. Each of them waits two seconds for somebody to
/// register it, so that they come no faster than [`PEERS`] and [`STREAMS`] let them.
const NAMES: f64 = 40_000.0;

/// How many names are asked for on streams that nobody waits for: a million takes minutes
/// with a balancer that is not optimised. See `main.rs`.
const GIVEN_UP: u64 = 100_000;

/// What a stream costs that waits for its service, or is in fallback, with the longest name.
const PER_STREAM: u64 = 12 * 1024;

/// A peer that answers as HTTP/2 wants it.
struct Peer {
    socket: TcpStream,
    heard: Vec<u8>,
}

struct Heard {
    kind: u8,
    flags: u8,
}

const ACK: u8 = 1;

impl Heard {
    fn ends_stream(&self) -> bool {
        self.kind == kind::HEADERS && self.flags & END_STREAM != 0
    }

    fn is_pong(&self) -> bool {
        self.kind == kind::PING && self.flags & ACK != 0
    }
}

impl Peer {
    async fn connect(addr: SocketAddr) -> Result<Self> {
        let mut socket = TcpStream::connect(addr).await?;
        // Wide enough for all answers.
        socket.write_all(&preface(1 << 30)).await?;
        let heard = Vec::new();
        Ok(Self { socket, heard })
    }

    /// The next frames.
    async fn hear(&mut self) -> Result<Vec<Heard>> {
        let read = self.socket.read_buf(&mut self.heard).await?;
        ensure!(read > 0, "thrown out");
        let (mut frames, mut answers) = (Vec::new(), Vec::new());
        while let Some(&[a, b, c, kind, flags, ..]) = self.heard.first_chunk::<9>() {
            let end = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
            if self.heard.len() < end {
                break;
            }
            let payload: Vec<u8> = self.heard.drain(..end).skip(9).collect();
            match kind {
                kind::PING | kind::SETTINGS if flags & ACK == 0 => {
                    let payload = if kind == kind::PING {
                        &payload[..]
                    } else {
                        &[]
                    };
                    answers.extend(frame(kind, ACK, 0, payload));
                }
                kind::GOAWAY | kind::RST_STREAM => bail!("frame {kind}: {payload:?}"),
                _ => frames.push(Heard { kind, flags }),
            }
        }
        self.socket.write_all(&answers).await?;
        Ok(frames)
    }
}

/// A stream that asks for a service.
fn ask(stream: u32, flags: u8, name: &str) -> Vec<u8> {
    let ask = message(&initial(name).encode_to_vec());
    [request(stream), frame(kind::DATA, flags, stream, &ask)].concat()
}

/// Asks for one name after the other and reads the answers, until it is thrown out.
async fn ask_on(addr: SocketAddr, n: usize) -> Result<()> {
    let mut peer = Peer::connect(addr).await?;
    let (mut open, mut stream) = (0, 1);
    loop {
        let mut bytes = Vec::new();
        for _ in open..STREAMS {
            let name = format!("{n}-{stream}-{}", "x".repeat(230));
            bytes.extend(ask(stream, END_STREAM, &name));
            stream += 2;
        }
        open = STREAMS;
        peer.socket.write_all(&bytes).await?;
        while open == STREAMS {
            let heard = peer.hear().await?;
            open -= heard.iter().filter(|it| it.ends_stream()).count();
        }
    }
}

/// Asks for names on streams that are given up as soon as the balancer has read of them,
/// until so many were asked for.
async fn give_up_on(addr: SocketAddr, n: usize, asked: Arc<AtomicU64>, all: u64) -> Result<()> {
    const AT_ONCE: u32 = 90;
    while asked.load(Relaxed) < all {
        let mut peer = Peer::connect(addr).await?;
        let streams = (1..).step_by(2).take(AT_ONCE as usize);
        let asks = streams.flat_map(|it| ask(it, 0, &format!("{}-{n}-{it}", asked.load(Relaxed))));
        let asks: Vec<u8> = asks.chain(frame(kind::PING, 0, 0, b"seen all")).collect();
        peer.socket.write_all(&asks).await?;
        while !peer.hear().await?.iter().any(Heard::is_pong) {}
        asked.fetch_add(AT_ONCE.into(), Relaxed);
        // No port is kept from others.
        peer.socket.set_zero_linger()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_on_streams_that_are_given_up_delay_nobody() -> Result<()> {
    let settings = "[connections]\nframes_per_second = 0\n[limits]\nnew_streams_per_second = 0\n";
    let mut world = World::new(settings).await?;
    let addr = world.balancer.addr;
    let asked = Arc::<AtomicU64>::default();
    let all = match std::env::var("LOOKASIDE_HOSTILE_NAMES") {
        Ok(all) => all.parse()?,
        Err(_) => GIVEN_UP,
    };
    let mut peers = JoinSet::new();
    let began = std::time::Instant::now();
    for n in 0..8 {
        peers.spawn(give_up_on(addr, n, Arc::clone(&asked), all));
    }
    let what = "names that are given up";
    world.endures(what, std::future::pending::<()>()).await?;
    while let Some(ended) = peers.join_next().await {
        ended??;
    }
    println!("{what}: {} in {:?}", asked.load(Relaxed), began.elapsed());
    world.has_grown_by_at_most(32 << 20, what)?;
    eventually("no stream is left", Duration::from_secs(10), || async {
        let open = world.metric("lookaside_streams ").await;
        let open = open.map_err(|e| e.to_string())?;
        // The honest ones.
        check(open < 2.5, open).map_err(|it| it.to_string())
    })
    .await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_nobody_knows_leave_nothing_behind() -> Result<()> {
    let settings = "[connections]\nframes_per_second = 0\n[lists]\nunknown = \"fallback\"\n\
                    [limits]\nnew_streams_per_second = 0\n";
    let mut world = World::new(settings).await?;
    let addr = world.balancer.addr;
    let mut peers = JoinSet::new();
    for peer in 0..PEERS {
        peers.spawn(ask_on(addr, peer));
    }
    let what = "names that nobody knows";
    world.endures(what, std::future::pending::<()>()).await?;
    eventually(
        "they have been answered",
        Duration::from_secs(120),
        || async {
            let answered = world.metric("lookaside_streams_started_total ").await;
            let answered = answered.map_err(|e| e.to_string())?;
            check(answered >= NAMES, answered).map_err(|it| it.to_string())
        },
    )
    .await;
    world.has_grown_by_at_most((PEERS * STREAMS) as u64 * PER_STREAM, what)?;
    assert!(peers.try_join_next().is_none(), "none was thrown out");
    peers.shutdown().await;
    world.rest();
    eventually(
        "the made-up services are gone",
        Duration::from_secs(20),
        || async {
            let known = world.metric("lookaside_services ").await;
            let known = known.map_err(|e| e.to_string())?;
            // The honest ones.
            check((known - 2.0).abs() < 0.5, known).map_err(|it| it.to_string())
        },
    )
    .await;
    Ok(())
}
