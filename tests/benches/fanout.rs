//! A change in etcd until the last of so many streams has it, against writing ready-made
//! frames to as many plain sockets, in turns.
//!
//! `./dev bench fanout [STREAMS...]` (default 1000 10000).

use std::time::{Duration, Instant};

use anyhow::Result;
use lookaside_tests::{
    Balancer, Etcd,
    bench::{
        baseline::{self, BOUND, Baseline},
        clients::{Clients, raise_open_files},
        proc_stat::cpu,
        stream_counts,
        table::{median, print},
    },
    wire::Stream,
};

const BACKENDS: u16 = 64;
/// Both sides take turns, in blocks: two crowds at once would need more open files than
/// many machines allow.
const BLOCKS: usize = 3;
const ROUNDS: usize = 5;
/// The balancer merges what follows a change too soon; rounds stay clear of it.
const PAUSE: Duration = Duration::from_millis(1500);

#[derive(Default)]
struct Series {
    latency: Vec<f64>,
    cpu: Vec<f64>,
}

impl Series {
    /// One push, until every client has its `lists`-th list, and what it cost `pid`.
    async fn round(
        &mut self,
        clients: &mut Clients,
        lists: usize,
        pid: u32,
        mut push: impl AsyncFnMut() -> Result<()>,
    ) -> Result<()> {
        tokio::time::sleep(PAUSE).await;
        let (before, start) = (cpu(pid)?, Instant::now());
        push().await?;
        let last = clients.all_have(lists, BOUND).await?;
        self.latency.push((last - start).as_secs_f64() * 1e3);
        let spent = cpu(pid)? - before;
        self.cpu
            .push(spent.as_secs_f64() * 1e6 / clients.count() as f64);
        Ok(())
    }
}

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
    let put = async |first: u16| {
        etcd.put_backend("bench", "b00", &format!("10.0.0.1:{first}"), 100)
            .await;
    };
    etcd.put_backends("bench", BACKENDS).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let list = Stream::open(balancer.addr, "bench").await?.list().await?;
    let size: usize = list
        .iter()
        .map(|s| prost::Message::encoded_len(s) + 2)
        .sum();

    let (mut a, mut b) = (Series::default(), Series::default());
    let mut port = 1;
    for _ in 0..BLOCKS {
        let mut clients = Clients::open(balancer.addr, "bench", streams).await?;
        clients.all_have(1, BOUND).await?;
        for round in 0..ROUNDS {
            port += 1;
            let push = async || {
                put(port).await;
                Ok(())
            };
            a.round(&mut clients, 2 + round, balancer.process.id(), push)
                .await?;
        }
        drop(clients);

        let mut raw = Baseline::start(streams, size)?;
        let mut clients = Clients::open(raw.addr, "bench", streams).await?;
        clients.all_have(1, BOUND).await?;
        for round in 0..ROUNDS {
            let pid = raw.pid();
            b.round(&mut clients, 2 + round, pid, async || raw.push())
                .await?;
        }
    }

    println!(
        "{streams} streams, {BACKENDS} backends, a list of {size} bytes, medians of {} rounds\n",
        BLOCKS * ROUNDS
    );
    let row = |name: &str, s: &Series| {
        let (latency, cpu) = (median(&s.latency), median(&s.cpu));
        vec![
            name.to_owned(),
            format!("{latency:.0} ms"),
            format!("{cpu:.1} µs"),
        ]
    };
    let ratio = |x: &[f64], y: &[f64]| format!("{:.2}", median(x) / median(y));
    print(
        &["", "until the last has it", "server CPU per stream"],
        &[
            row("lookaside, from etcd", &a),
            row("ready-made frames, plain sockets", &b),
            vec![
                "ratio".into(),
                ratio(&a.latency, &b.latency),
                ratio(&a.cpu, &b.cpu),
            ],
            vec!["budget".into(), "1.50".into(), "2.00".into()],
        ],
    );
    println!();
    Ok(())
}
