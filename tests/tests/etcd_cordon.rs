//! Cordons that stand in etcd: every replica follows them, whoever wrote them.

use anyhow::Result;
use lookaside_tests::{
    Balancer, Etcd, cli, eventually, inspect::service, poll::check, process::PATIENCE, wire::Stream,
};
use serde_json::Value;

async fn ports(stream: &mut Stream, wanted: &[i32]) -> Result<()> {
    let sorted = |list: &[lookaside_proto::lb::Server]| {
        let mut ports: Vec<_> = list.iter().map(|it| it.port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    stream.list_where(|list| sorted(list) == wanted).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_follows_a_cordon_and_a_restart_keeps_it() -> Result<()> {
    let etcd = Etcd::start().await;
    for (service, id, address) in [
        ("orders", "a", "10.0.0.5:1001"),
        ("orders", "b", "10.0.0.6:1002"),
        ("billing", "x", "10.0.0.5:1003"),
        ("billing", "y", "10.0.0.7:1004"),
    ] {
        etcd.put_backend(service, id, address, 100).await;
    }
    let one = Balancer::on(&etcd.url()).await;
    let other = Balancer::on(&etcd.url()).await;
    let mut orders = Stream::open(other.addr, "orders").await?;
    let mut billing = Stream::open(other.addr, "billing").await?;
    ports(&mut orders, &[1001, 1002]).await?;
    ports(&mut billing, &[1003, 1004]).await?;
    let admin = one.admin.to_string();
    let told = |args: &[&str]| {
        let by = ["--balancer", &admin, "--by", "alice"];
        let output = cli::run(&[args, &by].concat());
        assert_eq!(output.status, 0, "{output:?}");
        output.stdout
    };

    told(&["cordon", "10.0.0.5", "--reason", "new disk"]);
    ports(&mut orders, &[1002]).await?;
    ports(&mut billing, &[1004]).await?;
    let key = "lookaside/overrides/**/cordon-host/10.0.0.5";
    let stands: Value = serde_json::from_str(&etcd.value(key).await.unwrap_or_default())?;
    assert_eq!(
        (&stands["value"], &stands["reason"]),
        (&true.into(), &"new disk".into())
    );
    etcd.put_backend("orders", "c", "10.0.0.5:1009", 100).await;
    let other = other.restart().await;
    let seen = service(other.addr, "orders").await?;
    let states: Vec<_> = seen.backends.iter().map(|it| &*it.state).collect();
    assert_eq!(states, ["cordoned", "serving", "cordoned"]);
    let mut orders = Stream::open(other.addr, "orders").await?;
    ports(&mut orders, &[1002]).await?;
    let both = format!("{},{}", one.addr, other.addr);
    let doctor = cli::run(&["doctor", "--balancer", &both, "--registry", &etcd.url()]);
    assert_eq!(doctor.status, 0, "{doctor:?}");

    told(&["uncordon", "10.0.0.5"]);
    ports(&mut orders, &[1001, 1002, 1009]).await?;
    assert_eq!(etcd.value(key).await, None);
    told(&["cordon", "10.0.0.6", "--for", "1s"]);
    ports(&mut orders, &[1001, 1009]).await?;
    ports(&mut orders, &[1001, 1002, 1009]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_written_by_hand_counts_and_one_that_cannot_be_read_is_shown_and_harms_nobody()
-> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", "10.0.0.5:1001", 100).await;
    let value = r#"{"Addr":"10.0.0.6:1002","Metadata":{"zone":"eu/1 x"}}"#;
    etcd.put("services/orders/b", value).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    ports(&mut stream, &[1001, 1002]).await?;
    let zone = "lookaside/overrides/**/cordon-zone/eu%2F1%20x";
    etcd.put(zone, r#"{"value":true}"#).await;
    ports(&mut stream, &[1001]).await?;

    let host = "lookaside/overrides/**/cordon-host/10.0.0.5";
    etcd.put(host, "yes").await;
    let unusual = "lookaside/overrides/**/cordon-host/Node-5";
    etcd.put(unusual, r#"{"value":true}"#).await;
    eventually("they are shown", PATIENCE, async || {
        let at = balancer.addr.to_string();
        let seen = cli::run(&["status", "--json", "--balancer", &at]);
        let seen: Value = serde_json::from_str(&seen.stdout).unwrap_or_default();
        check(seen["problems"] == 2, seen)
    })
    .await;
    let shown = service(balancer.addr, "**").await?;
    assert_eq!(shown.problems.len(), 1, "{:?}", shown.problems);
    assert_eq!(shown.problems[0].key, host);
    let seen = service(balancer.addr, "orders").await?;
    let states: Vec<_> = seen.backends.iter().map(|it| &*it.state).collect();
    assert_eq!(states, ["serving", "cordoned"]);
    etcd.delete(zone).await;
    ports(&mut stream, &[1001, 1002]).await?;
    Ok(())
}
