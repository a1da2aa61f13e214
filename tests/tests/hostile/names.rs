//! Names without end.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use lookaside_proto::lb::LoadBalanceRequest;
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

/// What a stream costs that waits for its service, or is in fallback, with the longest name.
const PER_STREAM: u64 = 12 * 1024;

/// Asks for one name after the other and reads the answers, until it is thrown out.
async fn ask_on(addr: SocketAddr, peer: usize) -> Result<()> {
    const ACK: u8 = 1;
    let mut socket = TcpStream::connect(addr).await?;
    // Wide enough for all answers.
    socket.write_all(&preface(1 << 30)).await?;
    let (mut open, mut stream, mut heard) = (0, 1, Vec::new());
    loop {
        let mut bytes = Vec::new();
        for _ in open..STREAMS {
            let ask: LoadBalanceRequest = initial(&format!("{peer}-{stream}-{}", "x".repeat(230)));
            let ask = message(&ask.encode_to_vec());
            bytes.extend(request(stream));
            bytes.extend(frame(kind::DATA, END_STREAM, stream, &ask));
            stream += 2;
        }
        open = STREAMS;
        socket.write_all(&bytes).await?;
        while open == STREAMS {
            ensure!(socket.read_buf(&mut heard).await? > 0, "thrown out");
            let mut answers = Vec::new();
            while let Some(&[a, b, c, of, flags, ..]) = heard.first_chunk::<9>() {
                let end = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
                if heard.len() < end {
                    break;
                }
                let payload: Vec<u8> = heard.drain(..end).skip(9).collect();
                match of {
                    kind::HEADERS if flags & END_STREAM != 0 => open -= 1,
                    kind::PING if flags & ACK == 0 => {
                        answers.extend(frame(kind::PING, ACK, 0, &payload));
                    }
                    kind::SETTINGS if flags & ACK == 0 => {
                        answers.extend(frame(kind::SETTINGS, ACK, 0, &[]));
                    }
                    kind::GOAWAY | kind::RST_STREAM => anyhow::bail!("frame {of}: {payload:?}"),
                    _ => {}
                }
            }
            socket.write_all(&answers).await?;
        }
    }
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
