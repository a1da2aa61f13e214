//! Peers that say nothing, and peers that do not listen.

use std::time::Duration;

use anyhow::{Context, Result};
use lookaside_tests::{
    bench::frames::{ask, frame, kind, preface, request},
    eventually,
    poll::check,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};

use crate::world::{SERVICE, World};

const BOUND: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_sockets_that_say_nothing_are_closed_and_cost_little() -> Result<()> {
    const SOCKETS: usize = 5000;
    let mut world = World::new("[connections]\nhello = \"4s\"\n").await?;
    let addr = world.balancer.addr;
    let mut sockets = Vec::with_capacity(SOCKETS);
    for _ in 0..SOCKETS {
        sockets.push(TcpStream::connect(addr).await?);
    }
    let what = "5,000 sockets that say nothing";
    world.endures(what, std::future::pending::<()>()).await?;
    // In memory about what an idle stream costs.
    world.has_grown_by_at_most(SOCKETS as u64 * 32 * 1024, what)?;
    world.rest();
    eventually("they are closed", BOUND, || async {
        let open = world.metric("lookaside_connections ").await;
        let open = open.map_err(|e| e.to_string())?;
        check(open < 10.0, open).map_err(|it| it.to_string())
    })
    .await;
    let silent = world.metric("lookaside_connections_ended_total{reason=\"silent\"}");
    assert!(silent.await? >= SOCKETS as f64);
    drop(sockets);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_reads_a_byte_a_second_loses_its_streams() -> Result<()> {
    let settings = "[connections]\nwrite_timeout = \"2s\"\nwrite_rate = 1000\n\
                    [limits]\nstreams_per_second_per_name = 0\n";
    let mut world = World::new(settings).await?;
    let addr = world.balancer.addr;
    let mut peers = JoinSet::new();
    for _ in 0..20 {
        peers.spawn(async move {
            let mut socket = TcpStream::connect(addr).await?;
            socket.write_all(&preface(0)).await?;
            for stream in (1..100).step_by(2) {
                let both = [request(stream), ask(stream, SERVICE)].concat();
                socket.write_all(&both).await?;
            }
            let (mut reader, mut writer) = socket.into_split();
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while reader.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
            });
            loop {
                sleep(Duration::from_secs(1)).await;
                for stream in (1..100).step_by(2) {
                    let byte = 1u32.to_be_bytes();
                    writer
                        .write_all(&frame(kind::WINDOW_UPDATE, 0, stream, &byte))
                        .await?;
                }
            }
            #[allow(unreachable_code, reason = "names the type")]
            anyhow::Ok(())
        });
    }
    let what = "1,000 streams read at a byte a second";
    world.endures(what, std::future::pending::<()>()).await?;
    world.has_grown_by_at_most(32 << 20, what)?;
    world.rest();
    eventually("they have lost their streams", BOUND, || async {
        let stuck = world.metric("lookaside_streams_stuck_total ").await;
        let stuck = stuck.map_err(|e| e.to_string())?;
        check(stuck >= 900.0, stuck).map_err(|it| it.to_string())
    })
    .await;
    peers.abort_all();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_asks_and_never_reads_loses_its_connection() -> Result<()> {
    let settings = "[connections]\nwrite_timeout = \"5s\"\nkeepalive = \"2s\"\n\
                    keepalive_timeout = \"5s\"\n";
    let mut world = World::new(settings).await?;
    let addr = world.balancer.addr;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let mut socket = TcpStream::connect(addr).await?;
        socket
            .write_all(&preface(1 << 30))
            .await
            .context("preface")?;
        socket
            .write_all(&[request(1), ask(1, SERVICE)].concat())
            .await?;
        // Answers that nobody takes: PONGs, as many as the sockets' buffers hold.
        let pings = frame(kind::PING, 0, 0, b"12345678").repeat(1000);
        while socket.try_write(&pings).is_ok_and(|n| n == pings.len()) {}
        sockets.push(socket);
    }
    let what = "20 peers that never read";
    world.endures(what, std::future::pending::<()>()).await?;
    world.has_grown_by_at_most(16 << 20, what)?;
    world.rest();
    eventually("they have lost their connections", BOUND, || async {
        let open = world.metric("lookaside_connections ").await;
        let open = open.map_err(|e| e.to_string())?;
        check(open < 10.0, open).map_err(|it| it.to_string())
    })
    .await;
    drop(sockets);
    Ok(())
}
