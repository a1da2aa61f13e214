//! Messages that are too large, or are never finished.

use std::time::Duration;

use anyhow::Result;
use lookaside_tests::bench::frames::{ask, frame, kind, request};
use tokio::{io::AsyncWriteExt, task::JoinSet};

use crate::{
    peer::{Polite, connect, hear},
    world::{SERVICE, World},
};

const SOON: Duration = Duration::from_secs(5);

/// The prefix of a gRPC message of this length.
fn prefix(len: u32) -> Vec<u8> {
    [&[0], &len.to_be_bytes()[..]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_a_gigabyte_is_refused_before_it_comes() -> Result<()> {
    let mut world = World::new("").await?;
    let addr = world.balancer.addr;
    let claim = [request(1), frame(kind::DATA, 0, 1, &prefix(1 << 30))].concat();
    let mut socket = connect(addr).await?;
    socket.write_all(&claim).await?;
    let (heard, closed) = hear(&mut socket, Duration::from_millis(500)).await;
    assert!(!closed, "the stream is over, not the connection: {heard:?}");
    let refused = "lookaside_streams_refused_total{reason=\"request\",code=\"ResourceExhausted\"}";
    assert_eq!(world.metric(refused).await?, 1.0);

    // A frame of 16 MiB is more than was agreed on.
    let mut socket = connect(addr).await?;
    socket
        .write_all(&[0xff, 0xff, 0xff, kind::DATA, 0, 0, 0, 0, 1])
        .await?;
    let (_, closed) = hear(&mut socket, SOON).await;
    assert!(closed, "the connection is over");

    let attack = async {
        let mut sockets = Vec::new();
        loop {
            for _ in 0..20 {
                if let Ok(mut socket) = connect(addr).await {
                    let _ = socket.write_all(&claim).await;
                    sockets.push(socket);
                }
            }
            sockets.drain(..sockets.len().saturating_sub(200));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let what = "claims of a gigabyte";
    world.endures::<()>(what, attack).await?;
    world.has_grown_by_at_most(16 << 20, what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_frame_and_half_a_message_are_all_that_is_held() -> Result<()> {
    const PEERS: usize = 50;
    // All of it is read, as fast as it comes.
    let settings = "[limits]\nstreams_per_second_per_name = 0\n\
                    [connections]\nframes_per_second = 0\n";
    let mut world = World::new(settings).await?;
    let addr = world.balancer.addr;
    // Two streams hold nearly all that a connection may, and 98 try.
    let half = [prefix(64_000), vec![0; 15_000]].concat();
    let stream = move |stream| {
        let half = frame(kind::DATA, 0, stream, &half);
        [request(stream), ask(stream, SERVICE), half].concat()
    };
    let mut peers = JoinSet::new();
    for _ in 0..PEERS {
        let stream = stream.clone();
        peers.spawn(async move {
            let mut peer = Polite::connect(addr).await?;
            for id in (1..200).step_by(2) {
                peer.send(&stream(id), 15_100).await?;
            }
            // And half of a frame's header.
            peer.send(&[0, 0, 100, kind::PING], 0).await?;
            anyhow::Ok(peer.socket)
        });
    }
    let sockets = peers
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let open = world.metric("lookaside_connections ").await?;
    assert!(open >= PEERS as f64, "{open} connections");
    let what = "half frames and half messages";
    world.endures(what, std::future::pending::<()>()).await?;
    // 24 kB for a connection that behaves; 64 KiB of data, 128 KiB of messages, and streams
    // that are refused and held by their peer.
    world.has_grown_by_at_most(PEERS as u64 * 640 * 1024, what)?;
    drop(sockets);
    Ok(())
}
