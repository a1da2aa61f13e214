//! Ending open streams by order, of a balancer that goes on serving.

use std::{fs, process::Command, time::Duration};

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Probe, Process, binary, cli, eventually, inspect::status, poll::check,
    process::PATIENCE, wire::Stream,
};
use rustix::process::Signal;
use serde_json::Value;

/// A balancer with one backend of `orders` that nobody calls.
async fn balancer(dir: &tempfile::TempDir) -> Result<Balancer> {
    let path = dir.path().join("registry.toml");
    fs::write(
        &path,
        "[[services]]\nname = \"orders\"\n[[services.backends]]\naddress = \"127.0.0.1:1001\"\n",
    )?;
    let registry = format!("file:{}", path.display());
    Ok(Balancer::start(["--registry", &registry, "--log-format", "json"]).await)
}

async fn streams(balancer: &Balancer, n: usize) -> Result<Vec<Stream>> {
    let mut streams = Vec::new();
    for _ in 0..n {
        let mut stream = Stream::open(balancer.addr, "orders").await?;
        stream.list().await?;
        streams.push(stream);
    }
    Ok(streams)
}

/// Begins to end streams, and goes on while the test does.
fn ending(balancer: &Balancer, args: &[&str]) -> Process {
    let admin = balancer.admin.to_string();
    let mut command = Command::new(binary::lookaside());
    command
        .args([
            "end-streams",
            "--json",
            "--by",
            "alice",
            "--balancer",
            &admin,
        ])
        .args(args);
    Process::spawn("end-streams", &mut command)
}

fn progress(process: &Process) -> Vec<Value> {
    let lines = process.stdout();
    let read = lines.iter().filter_map(|it| serde_json::from_str(it).ok());
    read.collect()
}

async fn audited(balancer: &Balancer, outcome: &str) -> Value {
    eventually(&format!("{outcome} is logged"), PATIENCE, || {
        let lines = balancer.process.stderr();
        let mut read = lines.iter().filter_map(|it| serde_json::from_str(it).ok());
        let found = read.find(|line: &Value| {
            line["target"] == "lookaside::audit"
                && line["order"] == "end_streams"
                && line["outcome"] == outcome
        });
        async move { found.ok_or(lines) }
    })
    .await
}

#[tokio::test]
async fn streams_end_with_unavailable_at_the_rate_and_a_new_one_stays() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let balancer = balancer(&dir).await?;
    let open = streams(&balancer, 20).await?;
    let mut order = ending(&balancer, &["orders", "--rate", "10"]);
    audited(&balancer, "begun").await;
    let mut newcomer = Stream::open(balancer.addr, "orders").await?;
    newcomer.list().await?;
    for mut stream in open {
        let error = stream.next().await.expect_err("it has to end").to_string();
        assert!(error.contains("operator"), "{error}");
    }
    order.ended().await;
    let progress = progress(&order);
    assert!(
        progress.len() >= 3,
        "begin, a second later, end: {progress:?}"
    );
    let last = progress.last().cloned().unwrap_or_default();
    assert_eq!(last["total"], 20);
    assert_eq!(last["ended"], 20);
    assert_eq!(last["done"], true);
    let line = audited(&balancer, "done").await;
    assert_eq!(line["value"], "10/s: ended 20 of 20, 0 had gone");
    assert_eq!(line["service"], "orders");
    assert_eq!(status(balancer.addr).await?.open_streams, 1, "the newcomer");
    Ok(())
}

#[tokio::test]
async fn one_order_at_a_time_is_carried_out_and_an_interrupt_stops_it() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let balancer = balancer(&dir).await?;
    let _open = streams(&balancer, 30).await?;
    let first = ending(&balancer, &["--all", "--rate", "1"]);
    audited(&balancer, "begun").await;
    let admin = balancer.admin.to_string();
    let other = cli::run(&["end-streams", "--all", "--balancer", &admin]);
    assert_eq!(other.status, 1, "{other:?}");
    assert!(other.stderr.contains("by \"alice\""), "{other:?}");
    let mut second = ending(&balancer, &["--all", "--rate", "1", "--replace"]);
    audited(&balancer, "replaced").await;
    eventually("the first one hears of it", PATIENCE, || {
        let errors = first.stderr();
        let found = errors.iter().any(|it| it.contains("took the place"));
        async move { check(found, errors) }
    })
    .await;
    second.signal(Signal::INT);
    assert_eq!(second.ended().await.code(), Some(1));
    audited(&balancer, "cancelled").await;
    assert!(status(balancer.addr).await?.open_streams > 20);
    let nobody = ending(&balancer, &["--all", "--peer", "192.0.2.0/24"]);
    eventually("of whom there is none", PATIENCE, || {
        let last = progress(&nobody).last().cloned().unwrap_or_default();
        async move { check(last["total"] == 0 && last["done"] == true, last) }
    })
    .await;
    for (args, status, says) in [
        (&[][..], 2, "SERVICE"),
        (&["orders", "--all"], 2, "--all"),
        (&["orders", "--rate", "0"], 2, "1..=10000"),
        (&["orders", "--peer", "nowhere"], 1, "peer: "),
        (&["order"], 1, "service order is not registered"),
        (&[""], 2, "SERVICE"),
    ] {
        let output = cli::run(&[&["end-streams", "--balancer", &admin], args].concat());
        assert_eq!(output.status, status, "{args:?}: {output:?}");
        assert!(output.stderr.contains(says), "{args:?}: {output:?}");
    }
    Ok(())
}

#[tokio::test]
async fn no_call_notices_that_its_clients_streams_are_ended_again_and_again() -> Result<()> {
    let balancer = Balancer::on("memory:").await;
    let address = balancer.addr.to_string();
    let mut backends = Vec::new();
    for name in ["a", "b"] {
        let args = ["--service", "orders", "--id", name, "--balancer", &address];
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    let args = ["--qps", "200", "--wait-for-ready", "--timeout", "20s"];
    let probe = Probe::start("orders", &[balancer.addr], &args);
    probe
        .until("a good second", 0, |second| {
            second.mode == "balancer" && second.ok.len() >= 2 && second.err.is_empty()
        })
        .await;
    let admin = balancer.admin.to_string();
    for _ in 0..3 {
        let output = cli::run(&["end-streams", "orders", "--balancer", &admin]);
        assert_eq!(output.status, 0, "{output:?}");
        assert_eq!(output.stdout, "ended 1 of 1 streams\n");
        eventually(
            "its client has the next one",
            Duration::from_secs(10),
            async || {
                let streams = status(balancer.addr).await.map(|it| it.open_streams);
                check(matches!(streams, Ok(1)), format!("{streams:?}"))
            },
        )
        .await;
    }
    let tally = probe.stop().await;
    assert_eq!(tally.failed(), 0, "{tally:?}");
    Ok(())
}
