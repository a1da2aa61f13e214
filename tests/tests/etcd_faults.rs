//! What happens when something fails, under load.

use std::time::{Duration, Instant};

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Etcd, Probe, Second, cli, eventually,
    inspect::service,
    poll::check,
    wire::{Stream, counts},
};
use rustix::process::Signal;
use serde_json::json;
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

/// How many calls a second a probe makes.
const QPS: &str = "200";

/// Whether a call of this second was answered by this backend.
fn calls(second: &Second, backend: &str) -> bool {
    let mut names = second.ok.keys().filter_map(|who| who.split('|').next());
    names.any(|name| name == backend)
}

/// A probe that has been in balancer mode for a second without an error.
async fn steady(balancers: &[&Balancer]) -> Probe {
    steady_with(balancers, &[]).await
}

/// The same, with further arguments.
async fn steady_with(balancers: &[&Balancer], args: &[&str]) -> Probe {
    let addrs: Vec<_> = balancers.iter().map(|balancer| balancer.addr).collect();
    let args = [&["--qps", QPS, "--wait-for-ready"][..], args].concat();
    let probe = Probe::start(SERVICE, &addrs, &args);
    probe
        .until("a good second", 0, |second| {
            second.mode == "balancer" && second.ok.len() >= 3 && second.err.is_empty()
        })
        .await;
    probe
}

#[tokio::test]
async fn an_order_while_etcd_is_frozen_is_told_who_does_not_answer_and_where_to_look() -> Result<()>
{
    let etcd = Etcd::start().await;
    etcd.put_backend(SERVICE, "a", "10.0.0.1:1", 1).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let admin = balancer.admin.to_string();
    let drained = |word| {
        let args = [word, SERVICE, "a", "--balancer", &admin, "--by", "alice"];
        cli::run(&args)
    };
    etcd.process().pause();
    let refused = drained("drain");
    etcd.process().resume();
    assert_eq!(refused.status, 1, "{refused:?}");
    let expected = "DEADLINE_EXCEEDED: the registry has not acknowledged it within 4s; \
                    it may stand all the same: look at `lookaside overrides`";
    assert!(refused.stderr.contains(expected), "{refused:?}");
    // It is carried out or not; whoever orders it again gets a clear answer.
    eventually(
        "etcd takes orders again",
        Duration::from_secs(20),
        || async {
            let again = drained("undrain");
            check(again.status == 0, format!("{again:?}"))
        },
    )
    .await;
    Ok(())
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
async fn a_compaction_while_the_balancer_sleeps_fails_no_call_and_loses_no_change() -> Result<()> {
    const OTHER: &str = "other";
    let etcd = Etcd::start().await;
    let _backends = three(&etcd.url()).await;
    for id in 0..20 {
        etcd.put_backend(
            OTHER,
            &format!("b{id:02}"),
            &format!("127.0.0.1:{}", 2000 + id),
            1,
        )
        .await;
    }
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, OTHER).await?;
    assert_eq!(stream.list().await?.len(), 20);
    let probe = steady(&[&balancer]).await;

    balancer.process.pause();
    for id in 0..10 {
        etcd.delete_backend(OTHER, &format!("b{id:02}")).await;
    }
    etcd.put_backend(OTHER, "new", "127.0.0.1:3000", 1).await;
    let _d = Backend::registered("d", SERVICE, 1, &etcd.url()).await;
    etcd.compact().await;
    let since = probe.seconds().len();
    balancer.process.resume();

    let list = stream
        .list_where(|list| counts(list).contains_key("127.0.0.1:3000"))
        .await?;
    let expected: Vec<String> = (2010..2020)
        .chain([3000])
        .map(|p| format!("127.0.0.1:{p}"))
        .collect();
    assert_eq!(counts(&list).into_keys().collect::<Vec<_>>(), expected);
    probe
        .until("the newcomer", since, |second| calls(second, "d"))
        .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_backend_that_crashes_fails_the_calls_it_was_answering_and_no_others() -> Result<()> {
    let etcd = Etcd::start().await;
    let [_a, mut b, _c] = three(&etcd.url()).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady_with(&[&balancer], &["--timeout", "20s"]).await;

    // A third of the calls go to it, and wait for it.
    let began = Instant::now();
    b.process.pause();
    let since = probe.seconds().len() + 1;
    probe
        .until("a second without it", since, |second| !calls(second, "b"))
        .await;
    assert_eq!(probe.total().failed(), 0, "{:?}", probe.total());
    b.process.kill();
    let given = (began.elapsed().as_secs_f64() * 200.0 / 3.0).ceil() as u64;
    let after = probe.tally(3).await;
    assert_eq!(after.failed(), 0, "{after:?}");
    eventually(
        "it leaves the list with its lease",
        Duration::from_secs(30),
        || async {
            let seen = service(balancer.addr, SERVICE)
                .await
                .map_err(|e| e.to_string())?;
            check(seen.backends.len() == 2, format!("{seen:?}"))
        },
    )
    .await;
    let total = probe.stop().await;
    let failed = total.failed();
    assert!((1..=given + 5).contains(&failed), "{given}: {total:?}");
    let lost = total.err.keys().all(|why| why.starts_with("UNAVAILABLE"));
    assert!(lost, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn the_death_of_all_balancers_fails_no_call_and_neither_does_that_of_all_they_listed()
-> Result<()> {
    let etcd = Etcd::start().await;
    let mut listed = three(&etcd.url()).await;
    let own = Backend::start("own").await;
    let (mut first, mut second) = (
        Balancer::on(&etcd.url()).await,
        Balancer::on(&etcd.url()).await,
    );
    let fallback = own.addr.to_string();
    let args = ["--fallback", &fallback, "--timeout", "20s"];
    let probe = steady_with(&[&first, &second], &args).await;
    first.process.kill();
    second.process.kill();
    let seen = probe.tally(5).await;
    assert_eq!(seen.failed(), 0, "{seen:?}");
    let names: Vec<_> = seen.ok.keys().map(String::as_str).collect();
    assert_eq!(names, ["a", "b", "c"], "the list stands");

    for backend in &mut listed {
        assert!(backend.process.terminate().await.success());
    }
    let since = probe.seconds().len();
    probe
        .until("fallback", since, |second| {
            second.mode == "fallback" && calls(second, "own")
        })
        .await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn junk_in_the_keys_of_a_service_fails_no_call() -> Result<()> {
    let etcd = Etcd::start().await;
    let _backends = three(&etcd.url()).await;
    // Nobody writes it again, once it is overwritten.
    let d = Backend::start("d").await;
    etcd.put_backend(SERVICE, "d", &d.addr.to_string(), 1).await;
    etcd.put_settings(SERVICE, &json!({ "max_slots": 512 }))
        .await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&[&balancer]).await;

    for (key, junk) in [
        (format!("services/{SERVICE}/junk"), "\0\u{1}{"),
        (format!("services/{SERVICE}/d"), "{\"Addr\":7}"),
        (format!("lookaside/config/{SERVICE}"), "{\"max_slots\":[]}"),
        (format!("lookaside/overrides/{SERVICE}/drain/a"), "junk"),
    ] {
        etcd.put(&key, junk).await;
        eventually("it is shown", Duration::from_secs(10), || async {
            let seen = service(balancer.addr, SERVICE).await;
            let problems = seen.map_err(|e| e.to_string())?.problems;
            let shown = problems.iter().any(|problem| problem.key == key);
            check(shown, format!("{problems:?}"))
        })
        .await;
        let seen = probe.tally(1).await;
        assert_eq!(seen.failed(), 0, "{key}: {seen:?}");
    }
    let seen = service(balancer.addr, SERVICE).await?;
    let kept = seen.settings.iter().find(|it| it.name == "max_slots");
    assert!(kept.is_some_and(|it| it.value == "512"), "{seen:?}");
    let seen = probe.tally(1).await;
    let names: Vec<_> = seen.ok.keys().map(String::as_str).collect();
    assert_eq!(names, ["a", "b", "c"], "{seen:?}");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
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
async fn an_operator_who_drains_a_backend_fails_no_call() -> Result<()> {
    let etcd = Etcd::start().await;
    let _backends = three(&etcd.url()).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let probe = steady(&[&balancer]).await;
    let admin = balancer.admin.to_string();
    for (order, called) in [("drain", false), ("undrain", true)] {
        let by = ["--balancer", &admin, "--by", "alice"];
        let output = cli::run(&[&[order, SERVICE, "a"][..], &by].concat());
        assert_eq!(output.status, 0, "{output:?}");
        let since = probe.seconds().len();
        probe
            .until(order, since, |second| calls(second, "a") == called)
            .await;
    }
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
