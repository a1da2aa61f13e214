//! Settings and overrides of a service, from etcd or the command line to open streams.

use std::time::Duration;

use anyhow::Result;
use lookaside_proto::lb::load_balance_response::LoadBalanceResponseType as Response;
use lookaside_tests::{
    Balancer, Etcd, cli, eventually,
    inspect::service,
    poll::check,
    wire::{Stream, counts, initial, open},
};
use serde_json::json;

const BOUND: Duration = Duration::from_secs(10);

/// Two backends at ports 1001 and 1002, weight 100 each.
async fn orders(etcd: &Etcd) {
    for (id, port) in [("a", 1001), ("b", 1002)] {
        let address = format!("127.0.0.1:{port}");
        etcd.put_backend("orders", id, &address, 100).await;
    }
}

/// The ports in a list, each once.
async fn ports(stream: &mut Stream) -> Result<Vec<i32>> {
    let mut ports: Vec<i32> = stream.list().await?.iter().map(|it| it.port).collect();
    ports.sort_unstable();
    ports.dedup();
    Ok(ports)
}

async fn falls_back(stream: &mut Stream) -> Result<()> {
    let next = stream.next().await?;
    anyhow::ensure!(
        matches!(next, Some(Response::FallbackResponse(_))),
        "{next:?}"
    );
    Ok(())
}

/// Waits until a balancer shows a setting with this value and source.
async fn holds(balancer: &Balancer, name: &str, value: &str, source: &str) {
    eventually(&format!("{name} is {value}"), BOUND, async || {
        let seen = service(balancer.addr, "orders").await;
        let seen = seen.map_err(|error| error.to_string())?;
        let setting = seen.settings.iter().find(|it| it.name == name);
        let found = setting.is_some_and(|it| it.value == value && it.source == source);
        check(found, format!("{:?}", seen.settings))
    })
    .await;
}

#[tokio::test]
async fn each_setting_has_effect_at_once_and_a_broken_object_keeps_the_last_good_one() -> Result<()>
{
    let etcd = Etcd::start().await;
    orders(&etcd).await;
    etcd.put_backend("orders", "c", "127.0.0.1:1003", 1).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    assert_eq!(stream.list().await?.len(), 201);

    etcd.put_settings("orders", &json!({ "max_slots": 5 }))
        .await;
    assert_eq!(stream.list().await?.len(), 12, "4 per backend at least");

    let settings = json!({ "on_empty": "hold", "report_interval": "3s", "hold_down": "0s" });
    etcd.put_settings("orders", &settings).await;
    assert_eq!(stream.list().await?.len(), 201);
    let mut told = open(balancer.addr, initial("orders")).await?;
    let Some(Response::InitialResponse(it)) = told.next().await? else {
        panic!("no initial response");
    };
    assert_eq!(
        it.client_stats_report_interval.map(|it| it.seconds),
        Some(3)
    );

    let broken = r#"{"on_empty":"drop","hold_down":5}"#;
    etcd.put("lookaside/config/orders", broken).await;
    eventually("it is shown", BOUND, async || {
        let seen = service(balancer.addr, "orders").await;
        let problems = seen.map_err(|error| error.to_string())?.problems;
        let shown = problems.iter().any(|it| it.reason.contains("hold_down: "));
        check(shown, format!("{problems:?}"))
    })
    .await;
    holds(&balancer, "on_empty", "hold", "setting").await;
    holds(&balancer, "report_interval", "3s", "setting").await;

    // It is held, as was set before; then dropped; then, as configured, fallback.
    for id in ["a", "b", "c"] {
        etcd.delete_backend("orders", id).await;
    }
    eventually("nothing is registered", BOUND, async || {
        let seen = service(balancer.addr, "orders").await;
        let reason = seen.map_err(|error| error.to_string())?.reason;
        check(reason.contains("the last list is kept"), reason)
    })
    .await;
    etcd.put_settings("orders", &json!({ "on_empty": "drop" }))
        .await;
    let dropped = stream
        .list_where(|list| list.iter().all(|it| it.drop))
        .await?;
    assert_eq!(dropped.len(), 1);
    etcd.delete("lookaside/config/orders").await;
    falls_back(&mut stream).await
}

#[tokio::test]
async fn an_order_through_one_balancer_reaches_the_clients_of_all_and_outlives_a_restart()
-> Result<()> {
    let etcd = Etcd::start().await;
    orders(&etcd).await;
    let one = Balancer::on(&etcd.url()).await;
    let other = Balancer::on(&etcd.url()).await;
    let mut streams = [
        Stream::open(one.addr, "orders").await?,
        Stream::open(other.addr, "orders").await?,
    ];
    for stream in &mut streams {
        assert_eq!(ports(stream).await?, [1001, 1002]);
    }
    let admin = one.admin.to_string();
    let told = |args: &[&str]| {
        let by = ["--balancer", &admin, "--by", "alice", "--reason", "a test"];
        let output = cli::run(&[args, &by].concat());
        assert_eq!(output.status, 0, "{output:?}");
        output.stdout
    };
    assert!(told(&["drain", "orders", "a"]).starts_with("done"));
    for stream in &mut streams {
        assert_eq!(ports(stream).await?, [1002]);
    }
    let other = other.restart().await;
    let seen = service(other.addr, "orders").await?;
    assert_eq!(
        (&*seen.backends[0].state, &*seen.backends[0].reason),
        ("drained", "drained by override of alice: a test")
    );
    let listed = cli::run(&[
        "overrides",
        "--json",
        "--balancer",
        &other.admin.to_string(),
    ]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout)?;
    assert_eq!(listed["overrides"][0]["by"], "alice");
    assert_eq!(
        listed["overrides"][0]["key"],
        "lookaside/overrides/orders/drain/a"
    );

    let [mut stream, _] = streams;
    told(&["undrain", "orders", "a"]);
    assert_eq!(ports(&mut stream).await?, [1001, 1002]);
    told(&["weight", "orders", "a", "300"]);
    let list = stream.list_where(|list| list.len() == 4).await?;
    assert_eq!(counts(&list)["127.0.0.1:1001"], 3);
    told(&["weight", "orders", "a", "clear"]);
    stream.list_where(|list| list.len() == 2).await?;
    told(&["drops", "orders", "overload=50%"]);
    let list = stream
        .list_where(|list| list.iter().any(|it| it.drop))
        .await?;
    assert_eq!(list.iter().filter(|it| it.drop).count() * 2, list.len());
    told(&["drops", "orders", "clear"]);
    stream
        .list_where(|list| !list.iter().any(|it| it.drop))
        .await?;
    told(&["fallback", "orders", "on", "--for", "1s"]);
    falls_back(&mut stream).await?;
    assert_eq!(ports(&mut stream).await?, [1001, 1002], "its lease is over");
    assert_eq!(told(&["undrain", "orders", "a"]), "there was none\n");
    Ok(())
}

#[tokio::test]
async fn an_order_that_names_nothing_or_goes_to_the_wrong_port_says_so() -> Result<()> {
    let etcd = Etcd::start().await;
    orders(&etcd).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let (admin, client) = (balancer.admin.to_string(), balancer.addr.to_string());
    for (args, status, says) in [
        (&["drain", "orders", "x"][..], 1, "orders has no backend x"),
        (
            &["fallback", "order", "on"],
            1,
            "service order is not registered",
        ),
        (&["drops", "orders", "a=101%"], 2, "\"101%\""),
        (&["fallback", "orders", "maybe"], 2, "on, off or clear"),
        (&["weight", "orders", "a", "-1"], 2, "-1"),
    ] {
        let output = cli::run(&[args, &["--balancer", &admin]].concat());
        assert_eq!(output.status, status, "{output:?}");
        assert!(output.stderr.contains(says), "{output:?}");
    }
    let output = cli::run(&["drain", "orders", "a", "--balancer", &client]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("admin port"), "{output:?}");

    etcd.put("lookaside/overrides/orders/weight/a", "junk")
        .await;
    etcd.put("lookaside/overrides/orders/drain/b", r#"{"value":true}"#)
        .await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    stream.list_where(|list| list.len() == 1).await?;
    let seen = service(balancer.addr, "orders").await?;
    let problem = seen.problems.iter().find(|it| it.key.ends_with("weight/a"));
    assert!(problem.is_some(), "{:?}", seen.problems);
    Ok(())
}
