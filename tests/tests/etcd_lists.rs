//! From a key in etcd to a list on an open stream.

use std::time::Duration;

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Etcd, eventually,
    inspect::service,
    poll::check,
    wire::{Stream, counts, initial, open},
};
use rustix::process::Signal;
use serde_json::json;
use tonic::Code;

#[tokio::test]
async fn a_backend_that_appears_or_leaves_reaches_open_streams() -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", "127.0.0.1:1001", 100).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    assert_eq!(
        counts(&stream.list().await?),
        [("127.0.0.1:1001".to_owned(), 1)].into()
    );

    etcd.put_backend("orders", "b", "[::1]:1002", 100).await;
    let list = counts(&stream.list().await?);
    assert_eq!(
        list,
        [
            ("127.0.0.1:1001".to_owned(), 1),
            ("[::1]:1002".to_owned(), 1)
        ]
        .into()
    );

    etcd.delete_backend("orders", "a").await;
    assert_eq!(
        counts(&stream.list().await?),
        [("[::1]:1002".to_owned(), 1)].into()
    );
    Ok(())
}

#[tokio::test]
async fn whoever_reads_the_log_finds_which_backend_went_and_what_clients_have_instead() -> Result<()>
{
    let etcd = Etcd::start().await;
    let mut a = Backend::registered("a", "orders", 1, &etcd.url()).await;
    let balancer = Balancer::on(&etcd.url()).await;
    Stream::open(balancer.addr, "orders").await?.list().await?;
    // Its lease ends it.
    a.process.kill();
    eventually("a line of the log", Duration::from_secs(30), || async {
        let lines = balancer.process.stderr();
        let of_lists: Vec<_> = lines
            .iter()
            .filter(|it| it.contains("list changed"))
            .collect();
        let found = matches!(&of_lists[..], [line] if line.contains("service=orders")
            && line.ends_with("plan=\"fallback\" reason=\"no backend is registered\" left=\"a\""));
        check(found, lines)
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn weights_are_slots_and_a_change_of_weight_is_a_new_list() -> Result<()> {
    let etcd = Etcd::start().await;
    for (id, weight) in [("a", 300), ("b", 200), ("c", 100)] {
        let port = 1000 + u32::from(id.as_bytes()[0]);
        etcd.put_backend("orders", id, &format!("127.0.0.1:{port}"), weight)
            .await;
    }
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    let list = stream.list().await?;
    assert_eq!(counts(&list).into_values().collect::<Vec<_>>(), [3, 2, 1]);
    let neighbours = list.iter().zip(list.iter().cycle().skip(1));
    assert!(
        neighbours.into_iter().all(|(x, y)| x.port != y.port),
        "interleaved: {list:?}"
    );

    etcd.put_backend("orders", "c", "127.0.0.1:1099", 0).await;
    assert_eq!(
        counts(&stream.list().await?)
            .into_values()
            .collect::<Vec<_>>(),
        [3, 2]
    );
    Ok(())
}

#[tokio::test]
async fn one_revision_is_one_list_and_an_equal_plan_is_not_sent_again() -> Result<()> {
    use etcd_client::{Txn, TxnOp};
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", "127.0.0.1:1001", 100).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    stream.list().await?;

    // The same again: nothing to send.
    etcd.put_backend("orders", "a", "127.0.0.1:1001", 100).await;
    let value = |port: u16| json!({ "Addr": format!("127.0.0.1:{port}") }).to_string();
    let mut ops = vec![TxnOp::delete("services/orders/a", None)];
    ops.extend((0..50).map(|n| TxnOp::put(format!("services/orders/n{n}"), value(2000 + n), None)));
    etcd.client().await.txn(Txn::new().and_then(ops)).await?;

    let list = counts(&stream.list().await?);
    assert_eq!(
        list.len(),
        50,
        "all of the transaction and nothing before it"
    );
    assert!(!list.contains_key("127.0.0.1:1001"));
    Ok(())
}

#[tokio::test]
async fn a_lease_that_expires_takes_its_backend_along() -> Result<()> {
    let etcd = Etcd::start().await;
    let backends = [
        Backend::registered("a", "orders", 100, &etcd.url()).await,
        Backend::with(
            "b",
            "127.0.0.1:0",
            &[
                "--service",
                "orders",
                "--id",
                "b",
                "--ttl",
                "2s",
                "--registry",
                &etcd.url(),
            ],
        )
        .await,
    ];
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    stream.list_where(|list| counts(list).len() == 2).await?;

    let [a, mut b] = backends;
    b.process.kill();
    let list = stream.list_where(|list| counts(list).len() == 1).await?;
    assert_eq!(counts(&list), [(a.addr.to_string(), 1)].into());
    Ok(())
}

#[tokio::test]
async fn a_backend_that_is_asked_to_end_announces_it_first() -> Result<()> {
    let etcd = Etcd::start().await;
    let mut a = Backend::registered("a", "orders", 100, &etcd.url()).await;
    let b = Backend::registered("b", "orders", 100, &etcd.url()).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    stream.list_where(|list| counts(list).len() == 2).await?;

    a.process.signal(Signal::TERM);
    let list = stream.list_where(|list| counts(list).len() == 1).await?;
    assert_eq!(counts(&list), [(b.addr.to_string(), 1)].into());
    assert!(
        a.process.is_running(),
        "it drains while clients take the new list"
    );
    assert!(a.process.ended().await.success());
    let seen = service(balancer.admin, "orders").await?;
    assert!(
        seen.backends.iter().all(|backend| backend.id != "a"),
        "deregistered: {seen:?}"
    );
    Ok(())
}

#[tokio::test]
async fn junk_keys_are_skipped_and_shown_and_harm_no_neighbour() -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "good", "127.0.0.1:1001", 100)
        .await;
    for (id, value) in [
        ("not-json", "{"),
        ("no-addr", "{}"),
        ("bad-addr", r#"{"Addr":"nowhere"}"#),
        (
            "bad-weight",
            r#"{"Addr":"127.0.0.1:1","Metadata":{"weight":-1}}"#,
        ),
        ("bad-port", r#"{"Addr":"127.0.0.1:70000"}"#),
    ] {
        etcd.put(&format!("services/orders/{id}"), value).await;
    }
    etcd.put("services/", "x").await;
    etcd.put_settings("orders", &json!({ "drops": [], "colour": "red" }))
        .await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    assert_eq!(
        counts(&stream.list().await?),
        [("127.0.0.1:1001".to_owned(), 1)].into()
    );

    let seen = service(balancer.addr, "orders").await?;
    let problem = |key: &str| {
        let found = seen
            .problems
            .iter()
            .find(|problem| problem.key.ends_with(key));
        found
            .unwrap_or_else(|| panic!("{key} is not shown: {seen:?}"))
            .reason
            .clone()
    };
    problem("/not-json");
    assert!(problem("/no-addr").contains("Addr"));
    assert!(problem("/bad-addr").contains("nowhere"));
    assert!(problem("/bad-weight").contains("weight"));
    assert!(problem("/bad-port").contains("70000"));
    assert!(problem("config/orders").contains("colour"));
    assert_eq!(seen.problems.len(), 6);
    Ok(())
}

#[tokio::test]
async fn settings_drop_calls_and_send_clients_to_fallback_and_back() -> Result<()> {
    use lookaside_proto::lb::load_balance_response::LoadBalanceResponseType as Response;
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", "127.0.0.1:1001", 100).await;
    etcd.put_backend("orders", "b", "127.0.0.1:1002", 200).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    assert_eq!(stream.list().await?.len(), 3);

    let drops = json!({ "drops": [{ "category": "overload", "per_million": 250_000 }] });
    etcd.put_settings("orders", &drops).await;
    let list = stream.list().await?;
    let dropped = list.iter().filter(|server| server.drop).count();
    assert_eq!((dropped, list.len()), (1, 4));

    etcd.put_settings("orders", &json!({ "fallback": true }))
        .await;
    assert!(matches!(
        stream.next().await?,
        Some(Response::FallbackResponse(_))
    ));

    // A broken edit keeps what was in force, whole.
    etcd.put("lookaside/config/orders", r#"{"fallback":"no"}"#)
        .await;
    eventually(
        "the broken edit is shown",
        Duration::from_secs(10),
        || async {
            let seen = service(balancer.addr, "orders")
                .await
                .map_err(|e| e.to_string())?;
            check(
                seen.plan == "fallback" && seen.problems.len() == 1,
                format!("{seen:?}"),
            )
        },
    )
    .await;

    etcd.delete("lookaside/config/orders").await;
    assert_eq!(stream.list().await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn an_unknown_service_is_refused_before_the_initial_response() -> Result<()> {
    let etcd = Etcd::start().await;
    let balancer = Balancer::on(&etcd.url()).await;
    let refused = open(balancer.addr, initial("nobody")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("nobody"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_service_that_appears_while_it_is_asked_for_is_answered_at_once() -> Result<()> {
    let etcd = Etcd::start().await;
    let balancer = Balancer::on(&etcd.url()).await;
    let (stream, ()) = tokio::join!(Stream::open(balancer.addr, "late"), async {
        etcd.put_backend("late", "a", "127.0.0.1:1001", 1).await;
    });
    assert_eq!(stream?.list().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_service_answers_to_its_name_with_port_and_dot() -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backend("team/orders", "a", "127.0.0.1:1001", 1)
        .await;
    let balancer = Balancer::on(&etcd.url()).await;
    for name in [
        "team/orders",
        "team/orders:8080",
        "team/orders.",
        "team/orders.:443",
    ] {
        assert_eq!(
            Stream::open(balancer.addr, name).await?.list().await?.len(),
            1,
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_new_stream_never_gets_the_list_that_the_one_before_had() -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", "127.0.0.1:1001", 1).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let first = Stream::open(balancer.addr, "orders").await?.list().await?;
    let second = Stream::open(balancer.addr, "orders").await?.list().await?;
    assert_ne!(first, second);
    let bare = |token: &str| token.split('.').next().map(str::to_owned);
    assert_eq!(
        bare(&first[0].load_balance_token),
        bare(&second[0].load_balance_token)
    );
    Ok(())
}

#[tokio::test]
async fn a_host_name_is_resolved() -> Result<()> {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", "localhost:1001", 1).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let list = Stream::open(balancer.addr, "orders").await?.list().await?;
    let known = ["127.0.0.1:1001", "[::1]:1001"];
    assert!(
        counts(&list)
            .keys()
            .all(|addr| known.contains(&addr.as_str())),
        "{list:?}"
    );
    let seen = service(balancer.addr, "orders").await?;
    assert_eq!(seen.backends[0].address, "localhost:1001");
    assert!(!seen.backends[0].resolved.is_empty());
    Ok(())
}
