//! The state directory of a balancer that follows etcd.

use std::{fs, time::Duration};

use anyhow::Result;
use lookaside_proto::v1::registry::State;
use lookaside_tests::{
    Backend, Balancer, Etcd, Probe, StateDir, eventually, http,
    inspect::{service, status},
    poll::check,
    wire::{Stream, counts},
};

const SERVICE: &str = "orders";
const BOUND: Duration = Duration::from_secs(30);

async fn saved(dir: &StateDir, what: &str) {
    eventually("the state is saved", BOUND, || async {
        check(dir.text().contains(what), dir.text())
    })
    .await;
}

async fn registry(balancer: &Balancer) -> Result<lookaside_proto::v1::Registry, String> {
    let status = status(balancer.addr).await.map_err(|e| e.to_string())?;
    status.registry.ok_or_else(|| "no registry".to_owned())
}

#[tokio::test]
async fn a_balancer_that_starts_while_etcd_is_down_serves_the_saved_list_and_no_call_fails()
-> Result<()> {
    let mut etcd = Etcd::start().await;
    let mut backends = Vec::new();
    for (name, weight) in [("a", 3), ("b", 2), ("c", 1)] {
        backends.push(Backend::registered(name, SERVICE, weight, &etcd.url()).await);
    }
    let dir = StateDir::new("500ms");
    let balancer = Balancer::start(dir.args(&etcd.url())).await;
    let probe = Probe::start(
        SERVICE,
        &[balancer.addr],
        &["--qps", "200", "--wait-for-ready"],
    );
    probe
        .until("all three", 0, |second| {
            second.ok.len() >= 3 && second.err.is_empty()
        })
        .await;
    for backend in &backends {
        saved(&dir, &backend.addr.to_string()).await;
    }

    etcd.kill();
    let balancer = balancer.restart().await;
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert_eq!(counts(&list).len(), 3);
    let seen = registry(&balancer).await.map_err(anyhow::Error::msg)?;
    assert_eq!(seen.state(), State::Stale);
    assert!(seen.error.contains("state directory"), "{}", seen.error);
    let age = seen.age.expect("an age").seconds;
    assert!((0..60).contains(&age), "{age} s");
    let (code, ready) = http::get(balancer.admin, "/readyz").await?;
    assert!(code == 200 && ready.contains("stale"), "{code} {ready}");
    let (code, alive) = http::get(balancer.admin, "/healthz").await?;
    assert!(code == 200 && alive.contains("stale"), "{code} {alive}");
    let (_, metrics) = http::get(balancer.admin, "/metrics").await?;
    assert!(metrics.contains("lookaside_registry_stale 1"), "{metrics}");
    let held = probe.tally(2).await;
    assert_eq!(held.failed(), 0, "{held:?}");

    etcd.restart().await;
    etcd.put_backend("other", "x", "127.0.0.1:1001", 1).await;
    eventually("etcd is followed again", BOUND, || async {
        let seen = registry(&balancer).await?;
        check(seen.state() == State::Synced, format!("{seen:?}"))
    })
    .await;
    saved(&dir, "127.0.0.1:1001").await;
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert_eq!(counts(&list).len(), 3, "no empty moment in between");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_damaged_state_is_set_aside_and_the_balancer_starts_without_it_and_no_call_fails()
-> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backends(SERVICE, 3).await;
    let _backend = Backend::registered("a", "called", 1, &etcd.url()).await;
    let dir = StateDir::new("500ms");
    let mut balancer = Balancer::start(dir.args(&etcd.url())).await;
    saved(&dir, "10.0.0.1:1002").await;
    let args = ["--qps", "200", "--wait-for-ready"];
    let probe = Probe::start("called", &[balancer.addr], &args);
    probe
        .until("calls", 0, |second| {
            !second.ok.is_empty() && second.err.is_empty()
        })
        .await;
    balancer.process.kill();
    let damaged = dir.text().replace("10.0.0.1:1002", "10.0.0.1:9999");
    fs::write(dir.file(), &damaged)?;

    let balancer = balancer.restart().await;
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert!(!counts(&list).contains_key("10.0.0.1:9999"));
    let log = balancer.process.stderr().join("\n");
    assert!(log.contains("ERROR") && log.contains("checksum"), "{log}");
    let aside = dir.names(".damaged-");
    assert_eq!(fs::read_to_string(dir.path().join(&aside[0]))?, damaged);
    saved(&dir, "10.0.0.1:1002").await;
    eventually("the client is back", BOUND, || async {
        let seen = service(balancer.addr, "called").await;
        let streams = seen.map_err(|e| e.to_string())?.streams;
        check(streams == 1, streams).map_err(|it| it.to_string())
    })
    .await;
    probe.tally(1).await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn the_state_of_another_etcd_is_not_served() -> Result<()> {
    let mut first = Etcd::start().await;
    first.put_backends(SERVICE, 3).await;
    let dir = StateDir::new("100ms");
    let mut balancer = Balancer::start(dir.args(&first.url())).await;
    saved(&dir, "10.0.0.1:1002").await;
    balancer.process.kill();
    first.kill();

    let second = Etcd::start().await;
    second.put_backend(SERVICE, "x", "10.0.0.2:2", 1).await;
    let balancer = Balancer::start(dir.args(&second.url())).await;
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert_eq!(
        counts(&list).into_keys().collect::<Vec<_>>(),
        ["10.0.0.2:2"]
    );
    let log = balancer.process.stderr().join("\n");
    assert!(
        log.contains(&first.url()) && log.contains(&second.url()),
        "{log}"
    );
    assert_eq!(dir.names(".other-").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_second_balancer_at_a_directory_says_whose_it_is_and_serves() -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backends(SERVICE, 3).await;
    let dir = StateDir::new("500ms");
    let mut first = Balancer::start(dir.args(&etcd.url())).await;
    saved(&dir, "10.0.0.1:1002").await;
    let second = Balancer::start(dir.args(&etcd.url())).await;
    let list = Stream::open(second.addr, SERVICE).await?.list().await?;
    assert_eq!(list.len(), 3);
    let log = second.process.stderr().join("\n");
    let holder = format!("process {}", first.process.id());
    assert!(log.contains("in use") && log.contains(&holder), "{log}");

    first.process.kill();
    etcd.put_backend(SERVICE, "x", "10.0.0.2:2", 1).await;
    saved(&dir, "10.0.0.2:2").await;
    Ok(())
}
