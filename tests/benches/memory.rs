//! Resident memory of the balancer for each idle stream on a connection of its own.
//!
//! `./dev bench memory [STREAMS...]` (default 1000 10000).

use std::time::Duration;

use anyhow::Result;
use lookaside_tests::{
    Balancer, Etcd,
    bench::{
        baseline::BOUND,
        clients::{Clients, raise_open_files},
        proc_stat::resident,
        stream_counts,
        table::print,
    },
};

const BACKENDS: u16 = 64;

fn main() -> Result<()> {
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for streams in stream_counts() {
        runtime.block_on(run(streams))?;
    }
    Ok(())
}

async fn run(streams: usize) -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backends("bench", BACKENDS).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let pid = balancer.process.id();
    // What the first streams make it allocate once is not each stream's.
    let mut warm = Clients::open(balancer.addr, "bench", 100).await?;
    warm.all_have(1, BOUND).await?;
    let before = resident(pid)?;
    let mut clients = Clients::open(balancer.addr, "bench", streams).await?;
    clients.all_have(1, BOUND).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let opened = resident(pid)?;
    etcd.put_backend("bench", "b00", "10.0.0.1:2000", 100).await;
    clients.all_have(2, BOUND).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let pushed = resident(pid)?;
    drop((warm, clients));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let closed = resident(pid)?;

    println!("{streams} idle streams, each on its own connection, {BACKENDS} backends\n");
    let each = |now: u64| {
        format!(
            "{:.1} kB",
            (now.saturating_sub(before)) as f64 / streams as f64 / 1e3
        )
    };
    let all = |now: u64| format!("{:.0} MB", now as f64 / 1e6);
    print(
        &["", "resident", "per stream"],
        &[
            vec!["before".into(), all(before), String::new()],
            vec!["all open, with a list".into(), all(opened), each(opened)],
            vec!["after a push".into(), all(pushed), each(pushed)],
            vec!["all closed".into(), all(closed), String::new()],
            vec!["budget".into(), String::new(), "24.0 kB".into()],
        ],
    );
    println!();
    Ok(())
}
