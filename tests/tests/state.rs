//! The state directory, with registries that need no other process.

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Result;
use lookaside_registry::saved::decode;
use lookaside_tests::{
    Backend, Balancer, Probe, Process, StateDir,
    balancer::listening,
    binary, eventually, http,
    poll::check,
    wire::{Stream, counts},
};

const SERVICE: &str = "orders";
const BOUND: Duration = Duration::from_secs(30);

async fn saved(dir: &StateDir, what: &str) {
    eventually("the state is saved", BOUND, || async {
        check(dir.text().contains(what), dir.text().len())
    })
    .await;
}

/// A registry file with `n` backends, told apart from others by `round`.
fn write_registry(path: &Path, n: u32, round: u32) -> Result<()> {
    write_registry_with(path, n, round, "")
}

/// The same, and `others` before it.
fn write_registry_with(path: &Path, n: u32, round: u32, others: &str) -> Result<()> {
    let mut text = format!("{others}[[services]]\nname = {SERVICE:?}\n");
    for port in 1..=n {
        write!(
            text,
            "[[services.backends]]\naddress = \"10.0.0.1:{port}\"\nweight = 1\nzone = \"round-{round}\"\n"
        )?;
    }
    // As an operator's tool should: whole.
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    Ok(fs::rename(new, path)?)
}

#[tokio::test]
async fn a_memory_registry_comes_back_with_its_backends_and_answers_at_once() -> Result<()> {
    let dir = StateDir::new("500ms");
    let balancer = Balancer::start(dir.args("memory:")).await;
    let address = balancer.addr.to_string();
    let mut backends = Vec::new();
    for name in ["a", "b", "c"] {
        let args = ["--service", SERVICE, "--id", name, "--balancer", &address];
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    // Calls wait out the time in which a balancer that has no state answers nobody.
    let args = ["--qps", "100", "--wait-for-ready", "--timeout", "10s"];
    let probe = Probe::start(SERVICE, &[balancer.addr], &args);
    probe
        .until("all three", 0, |second| {
            second.ok.len() >= 3 && second.err.is_empty()
        })
        .await;
    for backend in &backends {
        saved(&dir, &backend.addr.to_string()).await;
    }

    let balancer = balancer.restart().await;
    let opened = Instant::now();
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert_eq!(counts(&list).len(), 3);
    assert!(
        opened.elapsed() < Duration::from_secs(2),
        "nobody has to be waited for: {:?}",
        opened.elapsed()
    );
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_broken_at_the_start_is_stood_in_for_until_it_is_mended() -> Result<()> {
    let dir = StateDir::new("200ms");
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("registry.toml");
    write_registry(&file, 3, 1)?;
    let mut balancer = Balancer::start(dir.args(&format!("file:{}", file.display()))).await;
    assert!(balancer.process.terminate().await.success());
    assert!(
        dir.text().contains("10.0.0.1:3"),
        "an end saves what there is"
    );

    fs::write(&file, "[[services")?;
    let balancer = balancer.restart().await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    assert_eq!(stream.list().await?.len(), 3);
    let (_, ready) = http::get(balancer.admin, "/readyz").await?;
    assert!(ready.contains("stale"), "{ready}");
    write_registry(&file, 4, 2)?;
    stream.list_where(|list| list.len() == 4).await?;
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_an_error_in_the_log_and_serving_goes_on_and_no_call_fails() -> Result<()> {
    let dir = StateDir::new("500ms");
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("registry.toml");
    let backend = Backend::start("a").await;
    let called = |port| {
        format!(
            "[[services]]\nname = \"called\"\n[[services.backends]]\naddress = \"{}\"\n\
             [[services.backends]]\naddress = \"127.0.0.1:{port}\"\nweight = 0\n",
            backend.addr
        )
    };
    write_registry_with(&file, 500, 1, &called(1))?;
    // No file of this process can grow beyond 8 blocks of 512 bytes or 1 KiB.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(binary::lookaside())
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(dir.args(&format!("file:{}", file.display())));
    let mut process = Process::spawn("balancer", &mut command);
    let (addr, admin) = process.line("where it listens", listening).await;
    let mut stream = Stream::open(addr, SERVICE).await?;
    assert_eq!(stream.list().await?.len(), 500);
    let probe = Probe::start("called", &[addr], &["--qps", "200", "--wait-for-ready"]);
    probe
        .until("calls", 0, |second| {
            !second.ok.is_empty() && second.err.is_empty()
        })
        .await;
    let admin = admin.expect("an admin port");
    eventually("the failure is counted", BOUND, || async {
        let metrics = http::get(admin, "/metrics")
            .await
            .map_err(|e| e.to_string())?;
        check(
            metrics.1.contains("lookaside_state_write_failing 1"),
            metrics.1,
        )
    })
    .await;
    let log = process.stderr().join("\n");
    assert!(
        log.contains("ERROR") && log.contains("registry.state.new"),
        "{log}"
    );
    assert_eq!(
        dir.names("registry.state"),
        <[&str; 0]>::default(),
        "nothing is left of it"
    );
    write_registry_with(&file, 501, 2, &called(2))?;
    stream.list_where(|list| list.len() == 501).await?;
    probe.tally(1).await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    assert!(process.terminate().await.success());
    Ok(())
}

#[tokio::test]
async fn a_balancer_that_is_killed_while_it_writes_leaves_a_state_that_is_good() -> Result<()> {
    let dir = StateDir::new("500ms");
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("registry.toml");
    let args = dir.args(&format!("file:{}", file.display()));
    let mut cut_short = 0;
    for round in 0..30 {
        write_registry(&file, 5000, round)?;
        let mut process = Balancer::spawn("127.0.0.1:0", "127.0.0.1:0", &args);
        // A write begins when this file appears, and ends when it takes another name.
        let new = dir.path().join("registry.state.new");
        let zone = format!("round-{round}");
        eventually("a state is being written", BOUND, || {
            let seen = new.exists() || dir.text().contains(&zone);
            async move { check(seen, ()) }
        })
        .await;
        // Sooner and later.
        let until = Instant::now() + Duration::from_micros(u64::from(round) * 300);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        process.kill();
        cut_short += u32::from(new.exists());
        if let Ok(state) = fs::read(dir.file()) {
            decode(&state)?;
        }
        assert_eq!(dir.names("damaged"), <[&str; 0]>::default());
    }
    println!("{cut_short} of 30 writes were cut short");
    Ok(())
}
