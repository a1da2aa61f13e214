//! What health checks cost: so many backends, probed every 5 s, in shares of one core;
//! against the same number of blocking connects.
//!
//! `./dev bench health [BACKENDS]` (default 10000).

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use lookaside_tests::{
    Balancer,
    bench::{
        clients::raise_open_files,
        health::{self, Child},
        proc_stat::{cpu, resident},
        table::{median, print},
    },
    eventually, http,
    poll::check,
};
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_secs(5);
const WINDOWS: usize = 5;

fn main() -> Result<()> {
    health::run_if_asked()?;
    raise_open_files();
    let arg = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let backends = arg.unwrap_or(10_000);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(backends))
}

async fn run(backends: usize) -> Result<()> {
    let server = Child::server()?;
    let dir = tempfile::tempdir()?;
    let per_second = backends as u64 * 1000 / INTERVAL.as_millis() as u64;
    let mut rows = Vec::new();

    let connects = Child::connects(server.addr, per_second)?;
    let series = Series::of(connects.pid(), async || connects.count()).await?;
    let baseline = series.each();
    rows.push(series.row("blocking connects, paced", None));
    drop(connects);

    for (name, check) in [
        ("no checks", ""),
        ("TCP", "health = { type = \"tcp\" }"),
        ("gRPC", "health = { type = \"grpc\" }"),
    ] {
        let path = dir.path().join("registry.toml");
        fs::write(&path, registry(backends, server.addr, check)?)?;
        let balancer = Balancer::on(&format!("file:{}", path.display())).await;
        let checked = if check.is_empty() { 0 } else { backends };
        settled(&balancer, checked).await;
        let series = Series::of(balancer.process.id(), async || probes(&balancer).await).await?;
        rows.push(series.row(name, Some(baseline).filter(|_| !check.is_empty())));
    }

    println!(
        "{backends} backends, probed every {INTERVAL:?}, medians of {WINDOWS} windows of {INTERVAL:?}\n"
    );
    print(
        &[
            "",
            "probes/s",
            "of one core",
            "CPU per probe",
            "ratio",
            "resident",
        ],
        &rows,
    );
    Ok(())
}

/// All at one address: each is probed for itself.
fn registry(backends: usize, addr: SocketAddr, check: &str) -> Result<String> {
    let mut text = format!("[[services]]\nname = \"bench\"\n{check}\n");
    for n in 0..backends {
        write!(
            text,
            "[[services.backends]]\nid = \"b{n:05}\"\naddress = \"{addr}\"\n"
        )?;
    }
    Ok(text)
}

/// Waits until all are checked and have been probed once.
async fn settled(balancer: &Balancer, checked: usize) {
    eventually("all are probed", Duration::from_secs(60), || async {
        let probes = probes(balancer).await.map_err(|error| error.to_string())?;
        check(probes >= checked as u64, format!("{probes} probes"))
    })
    .await;
}

/// Probes that succeeded so far.
async fn probes(balancer: &Balancer) -> Result<u64> {
    let (_, text) = http::get(balancer.admin, "/metrics").await?;
    let failed = text.lines().find(|line| {
        line.starts_with("lookaside_health_probes_total{") && !line.contains("result=\"ok\"")
    });
    anyhow::ensure!(failed.is_none(), "probes failed: {failed:?}");
    let prefix = "lookaside_health_probes_total{result=\"ok\"} ";
    let count = text.lines().find_map(|line| line.strip_prefix(prefix));
    count.unwrap_or("0").parse().context("a count")
}

/// What a process used, window by window.
#[derive(Default)]
struct Series {
    rate: Vec<f64>,
    share: Vec<f64>,
    each: Vec<f64>,
    resident: u64,
}

impl Series {
    async fn of(pid: u32, count: impl AsyncFn() -> Result<u64>) -> Result<Self> {
        let mut series = Self::default();
        for _ in 0..WINDOWS {
            let (before, cpu_before, began) = (count().await?, cpu(pid)?, Instant::now());
            sleep(INTERVAL).await;
            let (used, took) = (cpu(pid)? - cpu_before, began.elapsed());
            let probes = count().await? - before;
            series.rate.push(probes as f64 / took.as_secs_f64());
            series.share.push(used.as_secs_f64() / took.as_secs_f64());
            series
                .each
                .push(used.as_secs_f64() * 1e6 / probes.max(1) as f64);
        }
        series.resident = resident(pid)?;
        Ok(series)
    }

    /// Microseconds of CPU for one probe.
    fn each(&self) -> f64 {
        median(&self.each)
    }

    fn row(&self, name: &str, baseline: Option<f64>) -> Vec<String> {
        let rate = median(&self.rate);
        let each = if rate > 0.0 {
            format!("{:.1} µs", self.each())
        } else {
            String::new()
        };
        vec![
            name.to_owned(),
            format!("{rate:.0}"),
            format!("{:.1} %", 100.0 * median(&self.share)),
            each,
            baseline.map_or_else(String::new, |it| format!("{:.2}", self.each() / it)),
            format!("{:.0} MB", self.resident as f64 / 1e6),
        ]
    }
}
