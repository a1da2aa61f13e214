//! Ten thousand subchannels in one channel, over loopback: memory for each, the time until all
//! are READY, and how long a list that changes by one takes then: `cargo bench -p
//! lookaside-client --bench subchannels [COUNT]`. Linux only.
//!
//! Beside them, in the same run, as many bare HTTP/2 connections of hyper's. Each figure comes
//! from a process of its own, whose memory is nobody else's, and the peer is another.

#![allow(clippy::expect_used, reason = "a benchmark may end so")]

#[path = "subchannels/bare.rs"]
mod bare;
#[path = "subchannels/channel.rs"]
mod channel;
#[path = "subchannels/peer.rs"]
mod peer;

use std::{env, process::Command, time::Duration};

const COUNT: usize = 10_000;

/// What one process measured.
pub(crate) struct Figures {
    /// Bytes for each.
    pub(crate) memory: usize,
    /// Until all were READY.
    pub(crate) ready: Option<Duration>,
    /// From a new list to the new picker: median.
    pub(crate) update: Option<Duration>,
}

fn main() {
    let arguments: Vec<_> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["peer"] => runtime(1).block_on(peer::run()),
        ["measure", what, threads, count] => {
            let threads = threads.parse().expect("a number of threads");
            measure(what, threads, count.parse().expect("a number"));
        }
        [] => compare(COUNT),
        [count] => compare(count.parse().expect("how many subchannels")),
        _ => println!("usage: subchannels [COUNT]"),
    }
}

fn compare(count: usize) {
    println!("{count} subchannels of one channel; the peer is another process\n");
    println!("| | memory for each | all READY after | a list that changes by one |");
    println!("| --- | --- | --- | --- |");
    let rows = [
        ("idle", "idle", "1"),
        ("connecting", "connecting", "1"),
        ("READY, one thread", "ready", "1"),
        ("READY, two threads", "ready", "2"),
        ("bare connections of hyper, one thread", "bare", "1"),
        ("bare connections of hyper, two threads", "bare", "2"),
    ];
    for (name, what, threads) in rows {
        let output = Command::new(env::current_exe().expect("this program"))
            .args(["measure", what, threads, &count.to_string()])
            .output()
            .expect("a process to measure");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {error}");
        let figures = String::from_utf8(output.stdout).expect("figures");
        println!("| {name} | {} |", figures.trim());
    }
}

fn measure(what: &str, threads: usize, count: usize) {
    let runtime = runtime(threads);
    let figures = runtime.block_on(async {
        match what {
            "idle" => channel::idle(count).await,
            "connecting" => channel::connecting(count).await,
            "ready" => channel::ready(count, peer::Peer::start()).await,
            _ => bare::ready(count, peer::Peer::start()).await,
        }
    });
    let kilobytes = figures.memory as f64 / 1e3;
    let seconds = figures
        .ready
        .map(|ready| format!("{:.2} s", ready.as_secs_f64()));
    let update = figures.update.map(|update| format!("{update:.1?}"));
    println!(
        "{kilobytes:.1} kB | {} | {}",
        seconds.unwrap_or_default(),
        update.unwrap_or_default()
    );
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().expect("a runtime")
}

/// Resident memory of this process, in bytes.
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: usize = kilobytes
        .and_then(|text| text.parse().ok())
        .expect("a size");
    kilobytes * 1024
}
