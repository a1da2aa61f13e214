//! What happens when something fails, under load.

use std::time::Duration;

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Etcd, Probe, eventually,
    inspect::service,
    poll::check,
    wire::{Stream, counts},
};
use rustix::process::Signal;
use tokio::net::TcpStream;

const SERVICE: &str = "orders";

/// Three backends of weights 3, 2 and 1.
async fn three(registry: &str) -> [Backend; 3] {
    [
        Backend::registered("a", SERVICE, 3, registry).await,
        Backend::registered("b", SERVICE, 2, registry).await,
        Backend::registered("c", SERVICE, 1, registry).await,
    ]
}

/// A probe that has been in balancer mode for a second without an error.
async fn steady(balancers: &[&Balancer]) -> Probe {
    let addrs: Vec<_> = balancers.iter().map(|balancer| balancer.addr).collect();
    let probe = Probe::start(SERVICE, &addrs, &["--qps", "200", "--wait-for-ready"]);
    probe
        .until("a good second", 0, |second| {
            second.mode == "balancer" && second.ok.len() >= 3 && second.err.is_empty()
        })
        .await;
    probe
}

#[tokio::test]
async fn the_death_of_a_balancer_and_its_return_fail_no_call() -> Result<()> {
    let etcd = Etcd::start().await;
    let _backends = three(&etcd.url()).await;
    let mut balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&[&balancer]).await;
    for _ in 0..2 {
        balancer = balancer.restart().await;
        let seen = probe.tally(3).await;
        assert_eq!(seen.failed(), 0, "{seen:?}");
    }
    eventually(
        "the probe's stream is back",
        Duration::from_secs(30),
        || async {
            let seen = service(balancer.addr, SERVICE)
                .await
                .map_err(|e| e.to_string())?;
            check(seen.streams == 1, seen.streams.to_string())
        },
    )
    .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    assert!((total.share("a") - 0.5).abs() < 0.02, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_client_moves_to_the_next_balancer_when_its_own_dies() -> Result<()> {
    let etcd = Etcd::start().await;
    let _backends = three(&etcd.url()).await;
    let (mut first, second) = (
        Balancer::on(&etcd.url()).await,
        Balancer::on(&etcd.url()).await,
    );
    let probe = steady(&[&first, &second]).await;
    first.process.kill();
    eventually(
        "the second has the stream",
        Duration::from_secs(30),
        || async {
            let seen = service(second.addr, SERVICE)
                .await
                .map_err(|e| e.to_string())?;
            check(seen.streams == 1, seen.streams).map_err(|streams| streams.to_string())
        },
    )
    .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_balancer_that_is_asked_to_end_hands_its_clients_over_without_a_failed_call() -> Result<()>
{
    let etcd = Etcd::start().await;
    let _backends = three(&etcd.url()).await;
    let (mut first, second) = (
        Balancer::on(&etcd.url()).await,
        Balancer::on(&etcd.url()).await,
    );
    let probe = steady(&[&first, &second]).await;
    assert!(first.process.terminate().await.success());
    let seen = probe.tally(2).await;
    assert_eq!(seen.failed(), 0, "{seen:?}");
    assert_eq!(service(second.addr, SERVICE).await?.streams, 1);
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn etcd_may_die_and_return_and_changes_after_it_arrive() -> Result<()> {
    let mut etcd = Etcd::start().await;
    let _backends = three(&etcd.url()).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&[&balancer]).await;

    etcd.kill();
    let seen = probe.tally(3).await;
    assert_eq!(seen.failed(), 0, "{seen:?}");
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert_eq!(
        counts(&list).len(),
        3,
        "the last list is served for as long as it takes"
    );

    etcd.restart().await;
    etcd.put_backend("other", "x", "127.0.0.1:1001", 1).await;
    eventually(
        "a change after the restart arrives",
        Duration::from_secs(30),
        || async {
            service(balancer.addr, "other")
                .await
                .map(drop)
                .map_err(|e| e.to_string())
        },
    )
    .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_compaction_while_the_balancer_sleeps_loses_no_change() -> Result<()> {
    let etcd = Etcd::start().await;
    for id in 0..20 {
        etcd.put_backend(
            SERVICE,
            &format!("b{id:02}"),
            &format!("127.0.0.1:{}", 2000 + id),
            1,
        )
        .await;
    }
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    assert_eq!(stream.list().await?.len(), 20);

    balancer.process.pause();
    for id in 0..10 {
        etcd.delete_backend(SERVICE, &format!("b{id:02}")).await;
    }
    etcd.put_backend(SERVICE, "new", "127.0.0.1:3000", 1).await;
    etcd.compact().await;
    balancer.process.resume();

    let list = stream
        .list_where(|list| counts(list).contains_key("127.0.0.1:3000"))
        .await?;
    let expected: Vec<String> = (2010..2020)
        .chain([3000])
        .map(|p| format!("127.0.0.1:{p}"))
        .collect();
    assert_eq!(counts(&list).into_keys().collect::<Vec<_>>(), expected);
    Ok(())
}

#[tokio::test]
async fn a_rolling_restart_of_the_backends_fails_no_call() -> Result<()> {
    let etcd = Etcd::start().await;
    let mut backends = three(&etcd.url()).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&[&balancer]).await;
    for backend in &mut backends {
        let (name, weight) = (backend.name.clone(), 1);
        backend.process.signal(Signal::TERM);
        assert!(backend.process.ended().await.success());
        *backend = Backend::registered(&name, SERVICE, weight, &etcd.url()).await;
    }
    let since = probe.seconds().len();
    probe
        .until("all three again", since, |second| {
            let mut names: Vec<_> = second
                .ok
                .keys()
                .filter_map(|who| who.split('|').next())
                .collect();
            names.dedup();
            names.len() == 3
        })
        .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn the_client_port_refuses_until_the_registry_has_been_read_once() -> Result<()> {
    let mut etcd = Etcd::start().await;
    etcd.put_backend(SERVICE, "a", "127.0.0.1:1001", 1).await;
    etcd.kill();
    let (listen, admin) = (
        lookaside_tests::ports::unused(),
        lookaside_tests::ports::unused(),
    );
    let args = ["--registry".to_owned(), etcd.url()];
    let mut process = Balancer::spawn(&listen.to_string(), &admin.to_string(), &args);

    eventually(
        "the admin port answers",
        Duration::from_secs(30),
        || async {
            lookaside_tests::http::get(admin, "/healthz")
                .await
                .map(drop)
                .map_err(|e| e.to_string())
        },
    )
    .await;
    let (status, body) = lookaside_tests::http::get(admin, "/readyz").await?;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("registry"), "{body}");
    assert!(
        TcpStream::connect(listen).await.is_err(),
        "refused while there is nothing to say"
    );
    assert!(process.stdout().is_empty());

    etcd.restart().await;
    process
        .line("where it listens", |line| {
            line.starts_with("listening ").then_some(())
        })
        .await;
    assert_eq!(Stream::open(listen, SERVICE).await?.list().await?.len(), 1);
    assert_eq!(lookaside_tests::http::get(admin, "/readyz").await?.0, 200);
    Ok(())
}
