//! So many clients connecting at once, until the last has a list, with the limits off and
//! with the default limits.
//!
//! `./dev bench storm [STREAMS]` (default 10000).

use std::time::Instant;

use anyhow::{Context, Result};
use lookaside_tests::{
    Balancer, Etcd,
    bench::{
        baseline::{self, BOUND, Baseline},
        clients::{Clients, raise_open_files},
        table::{median, print},
    },
    wire::Stream,
};

const BACKENDS: u16 = 64;
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    baseline::serve_if_asked()?;
    raise_open_files();
    let arg = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let streams = arg.unwrap_or(10_000);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(streams))
}

async fn run(streams: usize) -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backends("bench", BACKENDS).await;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "[limits]\nnew_streams_per_second = 1000000\n")?;
    let config = file.path().to_str().context("a path in UTF-8")?;
    let balancer = Balancer::start(["--registry", &etcd.url(), "--config", config]).await;
    let list = Stream::open(balancer.addr, "bench").await?.list().await?;
    let size: usize = list
        .iter()
        .map(|s| prost::Message::encoded_len(s) + 2)
        .sum();

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut clients = Clients::open(balancer.addr, "bench", streams).await?;
        ours.push((clients.all_have(1, BOUND).await? - start).as_secs_f64());
        drop(clients);
        let raw = Baseline::start(streams, size)?;
        let start = Instant::now();
        let mut clients = Clients::open(raw.addr, "bench", streams).await?;
        theirs.push((clients.all_have(1, BOUND).await? - start).as_secs_f64());
    }

    println!(
        "{streams} clients connecting at once, {BACKENDS} backends, medians of {ROUNDS} rounds\n"
    );
    let row = |name: &str, seconds: f64| vec![name.to_owned(), format!("{seconds:.2} s")];
    print(
        &["", "until the last has a list"],
        &[
            row("lookaside, limits off", median(&ours)),
            row("accept and write ready-made frames", median(&theirs)),
            row("budget", 1.3),
        ],
    );
    Ok(())
}
