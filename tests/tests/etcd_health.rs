//! Health checks of real backends, under load.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use anyhow::Result;
use lookaside_proto::v1::Service;
use lookaside_tests::{
    Backend, Balancer, Etcd, Probe, eventually, http, inspect::service, poll::check,
};
use rustix::process::Signal;
use serde_json::{Value, json};

const SERVICE: &str = "orders";

/// Three failures half a second and a tenth apart, and the last one's timeout.
const EJECTED_WITHIN: Duration = Duration::from_millis(3 * 550 + 500);

/// What a loaded machine may add to it.
const SLACK: Duration = Duration::from_secs(3);

fn fast(check: Value) -> Value {
    let mut health = json!({"interval": "500ms", "timeout": "500ms", "dwell": "1s"});
    let all = health.as_object_mut().expect("an object");
    all.extend(check.as_object().expect("an object").clone());
    json!({ "health": health })
}

/// So many backends that register themselves.
async fn registered(names: &[&str], etcd: &Etcd) -> Vec<Backend> {
    let mut backends = Vec::new();
    for name in names {
        backends.push(Backend::registered(name, SERVICE, 1, &etcd.url()).await);
    }
    backends
}

/// A probe that has been calling `n` backends for a second without an error.
async fn steady(balancer: &Balancer, n: usize) -> Probe {
    let args = ["--qps", "200", "--wait-for-ready"];
    let probe = Probe::start(SERVICE, &[balancer.addr], &args);
    probe
        .until("a good second", 0, |second| {
            second.mode == "balancer" && second.ok.len() >= n && second.err.is_empty()
        })
        .await;
    probe
}

/// Waits until just these backends are shown as ejected.
async fn until_ejected(balancer: &Balancer, ids: &[&str]) -> Service {
    let what = format!("ejected: {ids:?}");
    eventually(&what, Duration::from_secs(30), || async {
        let seen = service(balancer.addr, SERVICE)
            .await
            .map_err(|error| error.to_string())?;
        let ejected: Vec<&str> = (seen.backends.iter())
            .filter(|backend| backend.state == "ejected")
            .map(|backend| backend.id.as_str())
            .collect();
        let holds = ejected == ids;
        check(holds, seen).map_err(|seen| format!("{seen:?}"))
    })
    .await
}

async fn metric(balancer: &Balancer, name: &str) -> Result<String> {
    let (_, text) = http::get(balancer.admin, "/metrics").await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.map_or_else(|| format!("no {name} in {text}"), |it| it.trim().to_owned()))
}

#[tokio::test]
async fn a_backend_that_says_not_serving_gets_no_calls_and_no_call_fails() -> Result<()> {
    let etcd = Etcd::start().await;
    let backends = registered(&["a", "b", "c"], &etcd).await;
    etcd.put_settings(SERVICE, &fast(json!({"type": "grpc"})))
        .await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&balancer, 3).await;

    let began = Instant::now();
    backends[1].process.signal(Signal::USR1);
    let seen = until_ejected(&balancer, &["b"]).await;
    assert!(
        began.elapsed() < EJECTED_WITHIN + SLACK,
        "{:?}",
        began.elapsed()
    );
    let b = &seen.backends[1];
    assert_eq!(
        b.reason,
        "3 probes in a row failed, the last: it says NOT_SERVING"
    );
    assert!(b.slots == 0 && b.ejections[0].since.is_some(), "{b:?}");
    assert_eq!(metric(&balancer, "lookaside_health_ejected").await?, "1");
    let seen = probe.tally(2).await;
    assert_eq!((seen.failed(), seen.share("b")), (0, 0.0), "{seen:?}");

    backends[1].process.signal(Signal::USR2);
    until_ejected(&balancer, &[]).await;
    let seen = probe.tally(2).await;
    assert!((seen.share("b") - 1.0 / 3.0).abs() < 0.05, "{seen:?}");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_backend_that_is_gone_but_registered_is_ejected_and_returns_with_its_process()
-> Result<()> {
    let etcd = Etcd::start().await;
    let mut backends = Vec::new();
    for name in ["a", "b", "c"] {
        let backend = Backend::start(name).await;
        etcd.put_backend(SERVICE, name, &backend.addr.to_string(), 1)
            .await;
        backends.push(backend);
    }
    etcd.put_settings(SERVICE, &fast(json!({"type": "tcp"})))
        .await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&balancer, 3).await;

    let mut c = backends.remove(2);
    let addr = c.addr;
    let began = Instant::now();
    c.process.signal(Signal::TERM);
    let seen = until_ejected(&balancer, &["c"]).await;
    assert!(
        began.elapsed() < EJECTED_WITHIN + SLACK,
        "{:?}",
        began.elapsed()
    );
    assert!(c.process.ended().await.success());
    assert_eq!(
        seen.backends[2].reason,
        "3 probes in a row failed, the last: connection refused"
    );

    let _c = Backend::with("c", &addr.to_string(), &[]).await;
    until_ejected(&balancer, &[]).await;
    let seen = probe.tally(3).await;
    assert!(seen.share("c") > 0.1, "{seen:?}");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn when_most_backends_fail_their_checks_they_are_all_called() -> Result<()> {
    let etcd = Etcd::start().await;
    let backends = registered(&["a", "b", "c", "d"], &etcd).await;
    etcd.put_settings(SERVICE, &fast(json!({"type": "grpc"})))
        .await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&balancer, 4).await;

    for backend in &backends {
        backend.process.signal(Signal::USR1);
    }
    let seen = until_ejected(&balancer, &["a", "b", "c", "d"]).await;
    assert!(seen.panic && seen.slots == 4, "{seen:?}");
    assert!(
        seen.reason.contains("panic: only 0 of 4"),
        "{}",
        seen.reason
    );
    assert_eq!(
        metric(&balancer, "lookaside_health_panic_services").await?,
        "1"
    );
    let tally = probe.tally(2).await;
    assert_eq!(tally.ok.len(), 4, "{tally:?}");

    for backend in &backends[..2] {
        backend.process.signal(Signal::USR2);
    }
    let seen = until_ejected(&balancer, &["c", "d"]).await;
    assert!(!seen.panic && seen.slots == 2, "{seen:?}");

    // Without checks nobody is ejected.
    etcd.delete(&format!("lookaside/config/{SERVICE}")).await;
    let seen = until_ejected(&balancer, &[]).await;
    assert_eq!(seen.slots, 4, "{seen:?}");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}
