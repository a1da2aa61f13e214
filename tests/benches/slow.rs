//! What stuck clients do to the others: streams that never read beside as many that do,
//! against the same number of reading streams alone, in turns.
//!
//! `./dev bench slow [STREAMS...]` (default 1000 10000).

use std::time::{Duration, Instant};

use anyhow::Result;
use lookaside_tests::{
    Balancer, Etcd,
    bench::{
        baseline::BOUND,
        clients::{Clients, Stuck, raise_open_files},
        proc_stat::{cpu, resident},
        stream_counts,
        table::{median, print},
    },
};

/// So many that a stuck client's window of 64 kB is full after one list.
const BACKENDS: u16 = 1000;
/// All rounds are over before the balancer closes stuck streams, after 30 s.
const ROUNDS: usize = 7;
/// The balancer merges what follows a change too soon; rounds stay clear of it.
const PAUSE: Duration = Duration::from_millis(1200);

#[derive(Default)]
struct Series {
    latency: Vec<f64>,
    cpu: Vec<f64>,
}

fn main() -> Result<()> {
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for streams in stream_counts() {
        // Both crowds and the stuck ones are open at once, at both ends of each socket.
        runtime.block_on(run(streams / 2))?;
    }
    Ok(())
}

async fn run(streams: usize) -> Result<()> {
    let etcd = Etcd::start().await;
    for service in ["alone", "beside"] {
        etcd.put_backends(service, BACKENDS).await;
    }
    // The stuck ones come in one rush, too fast for the default pace.
    let config = tempfile::NamedTempFile::new()?;
    std::fs::write(
        config.path(),
        "[limits]\nnew_streams_per_second = 1000000\n",
    )?;
    let config = config.path().to_string_lossy().into_owned();
    let balancer = Balancer::start(["--registry", &etcd.url(), "--config", &config]).await;
    let pid = balancer.process.id();

    let mut alone = Clients::open(balancer.addr, "alone", streams).await?;
    let mut beside = Clients::open(balancer.addr, "beside", streams).await?;
    alone.all_have(1, BOUND).await?;
    beside.all_have(1, BOUND).await?;
    let before = resident(pid)?;
    let stuck = Stuck::open(balancer.addr, "beside", streams).await?;
    let opened = resident(pid)?;

    let (mut without, mut with) = (Series::default(), Series::default());
    for round in 0..ROUNDS {
        for (service, clients, series) in [
            ("alone", &mut alone, &mut without),
            ("beside", &mut beside, &mut with),
        ] {
            tokio::time::sleep(PAUSE).await;
            let (spent, start) = (cpu(pid)?, Instant::now());
            let addr = format!("10.0.0.1:{}", 2 + round);
            etcd.put_backend(service, "b00", &addr, 100).await;
            let last = clients.all_have(2 + round, BOUND).await?;
            series.latency.push((last - start).as_secs_f64() * 1e3);
            let spent = cpu(pid)? - spent;
            series
                .cpu
                .push(spent.as_secs_f64() * 1e6 / clients.count() as f64);
        }
    }
    let pushed = resident(pid)?;
    drop(stuck);

    println!(
        "{streams} streams that read, alone and beside {streams} that do not, {BACKENDS} backends, \
         medians of {ROUNDS} rounds\n"
    );
    let each = |now: u64| {
        let more = now.saturating_sub(before) as f64;
        format!("{:.1} kB", more / streams as f64 / 1e3)
    };
    let row = |name: &str, s: &Series, memory: String| {
        vec![
            name.to_owned(),
            format!("{:.0} ms", median(&s.latency)),
            format!("{:.1} µs", median(&s.cpu)),
            memory,
        ]
    };
    let ratio = |x: &[f64], y: &[f64]| format!("{:.2}", median(x) / median(y));
    let nothing = || "".to_owned();
    print(
        &[
            "",
            "until the last reader has it",
            "server CPU per reader",
            "memory per stuck stream",
        ],
        &[
            row("readers alone", &without, nothing()),
            row("beside stuck clients", &with, each(opened)),
            vec![
                format!("after {ROUNDS} more lists"),
                nothing(),
                nothing(),
                each(pushed),
            ],
            vec![
                "ratio".into(),
                ratio(&with.latency, &without.latency),
                ratio(&with.cpu, &without.cpu),
                nothing(),
            ],
        ],
    );
    println!();
    Ok(())
}
