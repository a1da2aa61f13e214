//! So many clients connecting at once, until the last has a list, with the limits off and
//! with the default limits.
//!
//! `./dev bench storm [STREAMS...]` (default 1000 10000).

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context, Result};
use lookaside_tests::{
    Balancer, Etcd,
    bench::{
        baseline::{self, BOUND, Baseline},
        clients::{Clients, raise_open_files},
        stream_counts,
        table::{median, print},
    },
    wire::Stream,
};

const BACKENDS: u16 = 64;
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    baseline::serve_if_asked()?;
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
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "[limits]\nnew_streams_per_second = 0\n")?;
    let config = file.path().to_str().context("a path in UTF-8")?;
    let unlimited = Balancer::start(["--registry", &etcd.url(), "--config", config]).await;
    let limited = Balancer::on(&etcd.url()).await;
    let list = Stream::open(unlimited.addr, "bench").await?.list().await?;
    let size: usize = list
        .iter()
        .map(|s| prost::Message::encoded_len(s) + 2)
        .sum();

    let [mut off, mut default, mut least] = [(); 3].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        off.push(storm(unlimited.addr, streams).await?);
        default.push(storm(limited.addr, streams).await?);
        let raw = Baseline::start(streams, size)?;
        least.push(storm(raw.addr, streams).await?);
    }

    println!(
        "{streams} clients connecting at once, {BACKENDS} backends, medians of {ROUNDS} rounds\n"
    );
    let least = median(&least);
    let row = |name: &str, seconds: f64, budget: &str| {
        vec![
            name.to_owned(),
            format!("{seconds:.2} s"),
            format!("{:.2}", seconds / least),
            budget.to_owned(),
        ]
    };
    // The budgets are for 10,000 clients.
    print(
        &["", "until the last has a list", "ratio", "budget"],
        &[
            row("lookaside, limits off", median(&off), "1.3 s"),
            row("lookaside, default limits", median(&default), "10 s"),
            row("accept and write ready-made frames", least, ""),
        ],
    );
    println!();
    Ok(())
}

/// Seconds until the last of so many clients has a list; an ended stream is an error.
async fn storm(addr: SocketAddr, streams: usize) -> Result<f64> {
    let start = Instant::now();
    let mut clients = Clients::open(addr, "bench", streams).await?;
    Ok((clients.all_have(1, BOUND).await? - start).as_secs_f64())
}
