//! The Rust client against a real balancer: fallback, return, drops, reports.

use std::time::Duration;

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Etcd, Probe, eventually, inspect::service, poll::check, ports,
};
use serde_json::json;

const SERVICE: &str = "orders";

#[tokio::test]
async fn a_client_without_a_balancer_falls_back_early_and_returns_when_one_appears() -> Result<()> {
    let etcd = Etcd::start().await;
    let _listed = Backend::registered("listed", SERVICE, 1, &etcd.url()).await;
    let own = Backend::start("own").await;
    let at = ports::unused();
    let probe = Probe::start(
        SERVICE,
        &[at],
        &["--qps", "50", "--fallback", &own.addr.to_string()],
    );
    let n = probe
        .until("fallback", 0, |s| {
            s.mode == "fallback" && s.ok.contains_key("own|")
        })
        .await;
    assert!(n <= 5, "long before the fallback timer of 10 s: second {n}");

    let args = ["--registry".to_owned(), etcd.url()];
    let _balancer = Balancer::spawn(&at.to_string(), "127.0.0.1:0", &args);
    let from = probe.seconds().len();
    probe
        .until("the balancer", from, |s| {
            s.mode == "balancer" && s.ok.keys().all(|w| w.starts_with("listed|0"))
        })
        .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn the_fallback_timer_ends_the_wait_for_a_silent_balancer() -> Result<()> {
    // Accepts connections and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let own = Backend::start("own").await;
    let probe = Probe::start(
        SERVICE,
        &[silent.local_addr()?],
        &[
            "--qps",
            "20",
            "--fallback-timeout",
            "2s",
            "--fallback",
            &own.addr.to_string(),
            "--wait-for-ready",
            "--timeout",
            "10s",
        ],
    );
    probe
        .until("fallback", 0, |s| {
            s.mode == "fallback" && s.ok.contains_key("own|")
        })
        .await;
    let first = probe
        .seconds()
        .into_iter()
        .find(|s| s.mode == "fallback")
        .expect("it was there");
    assert!((2.0..6.0).contains(&first.t), "{first:?}");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn an_operator_sends_clients_to_fallback_and_back_without_a_failed_call() -> Result<()> {
    let etcd = Etcd::start().await;
    let _listed = Backend::registered("listed", SERVICE, 1, &etcd.url()).await;
    let own = Backend::start("own").await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = Probe::start(
        SERVICE,
        &[balancer.addr],
        &[
            "--qps",
            "100",
            "--fallback",
            &own.addr.to_string(),
            "--wait-for-ready",
        ],
    );
    let n = probe
        .until("the balancer", 0, |s| {
            s.mode == "balancer" && !s.ok.is_empty()
        })
        .await;
    etcd.put_settings(SERVICE, &json!({ "fallback": true }))
        .await;
    let n = probe
        .until("fallback", n, |s| {
            s.mode == "fallback" && s.ok.contains_key("own|")
        })
        .await;
    etcd.put_settings(SERVICE, &json!({})).await;
    probe
        .until("the balancer again", n, |s| {
            s.mode == "balancer" && !s.ok.is_empty() && !s.ok.contains_key("own|")
        })
        .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_quarter_of_calls_is_dropped_exactly_and_reports_say_so() -> Result<()> {
    let etcd = Etcd::start().await;
    let _backends = [
        Backend::registered("a", SERVICE, 2, &etcd.url()).await,
        Backend::registered("b", SERVICE, 1, &etcd.url()).await,
    ];
    etcd.put_settings(
        SERVICE,
        &json!({ "drops": [{ "category": "overload", "per_million": 250_000 }] }),
    )
    .await;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "[lists]\nreport_interval = \"1s\"\n")?;
    let config = file.path().to_str().expect("UTF-8");
    let balancer = Balancer::start(["--registry", &etcd.url(), "--config", config]).await;
    let probe = Probe::start(
        SERVICE,
        &[balancer.addr],
        &["--qps", "200", "--wait-for-ready"],
    );
    probe
        .until("both", 0, |s| s.mode == "balancer" && s.ok.len() >= 2)
        .await;
    probe.tally(4).await;
    eventually("a report has come", Duration::from_secs(10), || async {
        let seen = service(balancer.addr, SERVICE)
            .await
            .map_err(|e| e.to_string())?;
        let reported = seen.reported.unwrap_or_default();
        check(reported.calls_started > 400, format!("{reported:?}"))
    })
    .await;
    let seen = service(balancer.addr, SERVICE).await?;
    let reported = seen.reported.expect("reports");
    let dropped: u64 = reported.dropped.iter().map(|d| d.calls).sum();
    assert_eq!(reported.dropped[0].category, "overload");
    let share = dropped as f64 / reported.calls_started as f64;
    assert!((share - 0.25).abs() < 0.02, "{reported:?}");

    let total = probe.stop().await;
    let refused = "UNAVAILABLE: call dropped by the balancer (overload)";
    assert_eq!(total.err.keys().collect::<Vec<_>>(), [refused], "{total:?}");
    let all = total.failed() + total.succeeded();
    // One in four, walked in order: off by at most a slot for each list there was.
    assert!(total.failed().abs_diff(all / 4) <= 4, "{total:?}");
    assert!((total.share("a") - 2.0 / 3.0).abs() < 0.01, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn pick_first_sends_all_calls_to_one_backend() -> Result<()> {
    let etcd = Etcd::start().await;
    let _backends = [
        Backend::registered("a", SERVICE, 1, &etcd.url()).await,
        Backend::registered("b", SERVICE, 1, &etcd.url()).await,
    ];
    let balancer = Balancer::on(&etcd.url()).await;
    let args = [
        "--qps",
        "50",
        "--wait-for-ready",
        "--child-policy",
        "pick_first",
    ];
    let probe = Probe::start(SERVICE, &[balancer.addr], &args);
    probe
        .until("a backend", 0, |s| s.mode == "balancer" && !s.ok.is_empty())
        .await;
    let seen = probe.tally(2).await;
    assert_eq!((seen.ok.len(), seen.failed()), (1, 0), "{seen:?}");
    probe.stop().await;
    Ok(())
}
