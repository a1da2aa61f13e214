//! `lookaside top` on a terminal.

use std::{fs, process::Command};

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Probe, binary, cli,
    pty::{Size, Terminal},
};
use rustix::process::Signal;

use super::world::World;

const SIZE: Size = (24, 100);

fn top(balancer: &Balancer, size: Size) -> Terminal {
    let mut command = Command::new(binary::lookaside());
    let at = balancer.addr.to_string();
    command.args(["top", "--every", "200ms", "--balancer", &at]);
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
    Terminal::run(&mut command, size)
}

/// The words of the row that begins with `first`.
fn row(rows: &[String], first: &str) -> Option<Vec<String>> {
    let row = rows
        .iter()
        .find(|it| it.split_whitespace().next() == Some(first))?;
    Some(row.split_whitespace().map(str::to_owned).collect())
}

fn number(words: &[String], at: usize) -> f64 {
    words.get(at).and_then(|it| it.parse().ok()).unwrap_or(-1.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn services_shares_calls_drops_and_streams_are_shown_live() -> Result<()> {
    let files = tempfile::tempdir()?;
    let config = files.path().join("lookaside.toml");
    fs::write(&config, "[lists]\nreport_interval = \"1s\"\n")?;
    let config = config.display().to_string();
    let balancer = Balancer::start(["--registry", "memory:", "--config", &config]).await;
    let (at, admin) = (balancer.addr.to_string(), balancer.admin.to_string());
    let mut backends = Vec::new();
    for (name, weight) in [("a", "3"), ("b", "1")] {
        let of = ["--service", "orders", "--id", name, "--weight", weight];
        let args = [&of[..], &["--balancer", &at]].concat();
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    let drops = ["drops", "orders", "overload=20%", "--balancer", &admin];
    assert_eq!(cli::run(&drops).status, 0);
    let probe = Probe::start(
        "orders",
        &[balancer.addr],
        &["--qps", "100", "--wait-for-ready"],
    );

    let mut terminal = top(&balancer, SIZE);
    // SERVICE PLAN BACKENDS SLOTS CALLS/S DROPS/S STREAMS PROBLEMS
    let shown = |rows: &[String]| {
        let words = row(rows, "orders")?;
        let (calls, drops) = (number(&words, 4), number(&words, 5));
        let live = calls > 40.0 && calls < 200.0 && drops > 4.0 && drops < 60.0;
        (live && number(&words, 6) == 1.0).then_some(words)
    };
    let words = terminal
        .until("calls and drops a second, one stream", shown)
        .await;
    assert_eq!(words[1..4], ["slots", "2", "5"], "{words:?}");
    assert!(terminal.is_drawn_on());
    let rows = terminal.rows();
    assert!(
        rows[0].starts_with(&format!("{at}: lookaside ")),
        "{rows:?}"
    );
    assert!(
        rows[23].starts_with("q quit"),
        "the last row has the keys: {rows:?}"
    );

    terminal.press("\r");
    let opened = |rows: &[String]| {
        let (a, b) = (row(rows, "a")?, row(rows, "b")?);
        let line = rows.iter().find(|it| it.starts_with("calls a second"))?;
        Some((a.join(" "), b.join(" "), line.clone()))
    };
    let (a, b, _) = terminal.until("the backends", opened).await;
    assert!(a.contains("75.0 %") && a.contains("serving"), "{a}");
    assert!(b.contains("25.0 %") && b.contains("serving"), "{b}");
    let all = terminal.rows().join("\n");
    assert!(all.contains("overload") && all.contains("20.0 %"), "{all}");

    // A backend is drained meanwhile.
    let drain = ["drain", "orders", "a", "--balancer", &admin];
    assert_eq!(cli::run(&drain).status, 0);
    let drained = |rows: &[String]| {
        row(rows, "a")?
            .contains(&"drained".to_owned())
            .then_some(())
    };
    terminal.until("the drain", drained).await;

    terminal.press("\x1b");
    terminal
        .until("all services", |rows| row(rows, "orders"))
        .await;
    terminal.press("q");
    assert_eq!(terminal.ended().await.code(), Some(0));
    assert_eq!(terminal.left_behind(), [""; 0]);
    probe.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_fills_the_terminal_whatever_its_size_becomes() -> Result<()> {
    let world = World::start().await?;
    let mut terminal = top(&world.balancer, (12, 80));
    let filled = |height: usize| {
        move |rows: &[String]| {
            let keys = rows.get(height - 1)?.starts_with("q quit");
            (rows.len() == height && keys && row(rows, "orders").is_some()).then_some(())
        }
    };
    terminal.until("12 rows are filled", filled(12)).await;
    for (height, width) in [(30, 120), (8, 60), (24, 80)] {
        terminal.resize((height, width));
        let what = format!("{height} rows are filled");
        terminal.until(&what, filled(height.into())).await;
    }
    // One that has no room for anything is no reason to fail.
    terminal.resize((1, 1));
    terminal.resize((10, 80));
    terminal.until("10 rows are filled", filled(10)).await;
    terminal.press("\x03");
    assert_eq!(terminal.ended().await.code(), Some(0), "control-C ends it");
    assert_eq!(terminal.left_behind(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_that_goes_away_is_said_and_a_signal_gives_the_terminal_back() -> Result<()> {
    let mut world = World::start().await?;
    let mut terminal = top(&world.balancer, SIZE);
    terminal
        .until("the services", |rows| row(rows, "orders"))
        .await;
    world.balancer.process.kill();
    let lost = |rows: &[String]| rows[1].starts_with("NO ANSWER for ").then_some(());
    terminal.until("that nobody answers", lost).await;
    assert!(
        row(&terminal.rows(), "orders").is_some(),
        "what there was stays"
    );
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ended().await.code(), Some(0));
    assert_eq!(terminal.left_behind(), [""; 0]);
    Ok(())
}
