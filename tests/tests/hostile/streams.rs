//! Streams without end.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use anyhow::Result;
use lookaside_tests::bench::frames::{frame, kind, request};

use crate::{
    peer::{connect, crowd, repeat},
    world::World,
};

const PEERS: usize = 8;

/// 128 streams a connection that say nothing, some 4 kB each, and as much again.
const MEMORY: u64 = 24 << 20;

/// Sends what `bytes` makes of successive streams, on connections that are opened again
/// when they are closed.
async fn streams(
    settings: &str,
    what: &str,
    bytes: impl Fn(u32, u64) -> Vec<u8> + Send + Sync + 'static,
) -> Result<(World, u64)> {
    let mut world = World::new(settings).await?;
    let addr = world.balancer.addr;
    let (bytes, all) = (Arc::new(bytes), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&all);
    let attack = crowd(PEERS, move |_| {
        let (bytes, count) = (Arc::clone(&bytes), Arc::clone(&count));
        async move {
            let Ok(socket) = connect(addr).await else {
                return;
            };
            let next = AtomicU32::new(1);
            let ten = || {
                let ten =
                    (0..10).map(|_| bytes(next.fetch_add(2, Relaxed), count.fetch_add(1, Relaxed)));
                ten.collect::<Vec<_>>().concat()
            };
            repeat(socket, ten).await;
        }
    });
    world.endures(what, attack).await?;
    world.has_grown_by_at_most(MEMORY, what)?;
    let all = all.load(Relaxed);
    println!("{what}: {all} streams");
    Ok((world, all))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_streams_that_say_nothing_delay_nobody() -> Result<()> {
    // As fast as the peers can: not slowed down, they are thrown out.
    let settings = "[connections]\nframes_per_second = 0\n";
    let open = |stream, _| request(stream);
    let (_, all) = streams(settings, "streams that say nothing, not slowed down", open).await?;
    assert!(all > 10_000, "{all}: the peers were too slow to tell");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_reset_at_once_delay_nobody() -> Result<()> {
    let cancel = 8u32.to_be_bytes();
    let reset =
        move |stream, _| [request(stream), frame(kind::RST_STREAM, 0, stream, &cancel)].concat();
    let (world, _) = streams("", "streams that are reset at once", reset).await?;
    let sent_away = world.metric("lookaside_connections_ended_total{reason=\"protocol\"}");
    assert!(sent_away.await? > 0.0, "h2's guard holds");
    Ok(())
}
