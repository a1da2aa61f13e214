//! Frames that cost the peer nothing.

use anyhow::Result;
use lookaside_tests::bench::frames::{END_HEADERS, END_STREAM, frame, headers, kind, opening};
use tokio::io::AsyncWriteExt;

use crate::{
    peer::{connect, crowd, repeat},
    world::World,
};

/// How many connections flood at once.
const PEERS: usize = 8;

/// A balancer reads what it is sent, and answers, within 16 KiB a connection.
const MEMORY: u64 = 16 << 20;

/// Floods with these bytes on connections that are opened again when they are closed.
async fn flood(world: &mut World, what: &str, bytes: Vec<u8>) -> Result<()> {
    let addr = world.balancer.addr;
    let attack = crowd(PEERS, move |_| {
        let bytes = bytes.clone();
        async move {
            if let Ok(socket) = connect(addr).await {
                repeat(socket, || bytes.clone()).await;
            }
        }
    });
    world.endures(what, attack).await?;
    world.has_grown_by_at_most(MEMORY, what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_settings_and_window_updates_without_end_delay_nobody() -> Result<()> {
    let mut world = World::new("").await?;
    let mut bytes = Vec::new();
    for _ in 0..500 {
        bytes.extend(frame(kind::PING, 0, 0, b"12345678"));
        bytes.extend(frame(kind::SETTINGS, 0, 0, &[]));
    }
    flood(&mut world, "a flood of PING and SETTINGS", bytes).await?;
    let update = frame(kind::WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes());
    flood(&mut world, "a flood of WINDOW_UPDATE", update.repeat(1000)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_without_end_are_cut_off_and_bombs_are_not_unpacked() -> Result<()> {
    let mut world = World::new("").await?;
    let begin = frame(kind::HEADERS, 0, 1, &headers());
    let go_on = frame(kind::CONTINUATION, 0, 1, &[0x00; 1000]);
    let endless = [begin, go_on.repeat(100)].concat();
    flood(&mut world, "a flood of CONTINUATION", endless).await?;
    let cut = world.metric("lookaside_connections_ended_total{reason=\"protocol\"}");
    assert!(cut.await? > 0.0, "none was sent away");

    // One entry of 4,000 bytes in the table, and 10,000 references to it: 40 MB.
    let mut block = headers();
    block.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    block.extend([b'y'; 4000]);
    block.extend([0xbe; 10_000]);
    let bomb = frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block);
    flood(&mut world, "a bomb of headers", bomb).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_reports_without_end_delay_nobody() -> Result<()> {
    let mut world = World::new("").await?;
    let addr = world.balancer.addr;
    // Empty messages, thousands to a frame.
    let reports = frame(kind::DATA, 0, 1, &[0; 5 * 3000]);
    let attack = crowd(PEERS, move |_| {
        let reports = reports.clone();
        async move {
            let Ok(mut socket) = tokio::net::TcpStream::connect(addr).await else {
                return;
            };
            if socket
                .write_all(&opening(crate::world::SERVICE))
                .await
                .is_ok()
            {
                repeat(socket, || reports.clone()).await;
            }
        }
    });
    let what = "a flood of load reports";
    world.endures(what, attack).await?;
    world.has_grown_by_at_most(MEMORY, what)
}
