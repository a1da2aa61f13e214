use std::sync::Arc;

use etcd_client::{Txn, TxnOp};
use lookaside_core::BackendState;
use lookaside_registry::Registry;

use crate::{
    server::{Etcd, value},
    support::{Followed, backends, service, weights},
};

#[tokio::test]
async fn backends_come_change_and_go_and_only_their_service_is_touched() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    etcd.put_backend("shop/carts", "x", 5).await;
    let mut followed = Followed::start(etcd.config()).await;
    let first = followed.until_weights("orders", &[("a", 1)]).await;
    assert_eq!(weights(&first, "shop/carts"), [("x", 5)]);

    etcd.put_backend("orders", "b", 2).await;
    let second = followed
        .until_weights("orders", &[("a", 1), ("b", 2)])
        .await;
    assert!(backends(&second).revision > backends(&first).revision);
    let carts = |it| Arc::clone(service(it, "shop/carts").unwrap());
    assert!(Arc::ptr_eq(&carts(&first), &carts(&second)));

    let draining = r#"{"Addr":"10.0.0.1:80","Metadata":{"weight":1,"state":"draining"}}"#;
    etcd.put("services/orders/a", draining).await;
    let third = followed
        .until("a drains", |it| {
            service(it, "orders").is_some_and(|it| it.backends[0].state == BackendState::Draining)
        })
        .await;
    let b = |it| Arc::clone(&service(it, "orders").unwrap().backends[1]);
    assert!(Arc::ptr_eq(&b(&second), &b(&third)));

    etcd.delete("services/orders/a").await;
    followed.until_weights("orders", &[("b", 2)]).await;
    etcd.delete("services/orders/b").await;
    let last = followed.until_weights("orders", &[]).await;
    assert!(service(&last, "orders").is_none());
}

#[tokio::test]
async fn a_transaction_is_never_seen_by_halves() {
    let etcd = Etcd::start().await;
    let mut followed = Followed::start(etcd.config()).await;
    followed.until_synced().await;
    let mut states = followed.registry.subscribe();
    let watching = tokio::spawn(async move {
        let mut seen = 0;
        loop {
            let state = Arc::clone(&*states.borrow_and_update());
            let weights = weights(&state, "s");
            if let Some((_, first)) = weights.first() {
                let whole = weights.len() == 20 && weights.iter().all(|(_, it)| it == first);
                assert!(whole, "half a revision: {weights:?}");
                seen += 1;
                if *first == 200 {
                    return seen;
                }
            }
            states.changed().await.unwrap();
        }
    });
    let mut client = etcd.client().await;
    for n in 1..=200 {
        let puts: Vec<_> = (0..20)
            .map(|id| TxnOp::put(format!("services/s/{id:02}"), value("10.0.0.1:80", n), None))
            .collect();
        client.txn(Txn::new().and_then(puts)).await.unwrap();
    }
    assert!(watching.await.unwrap() > 1);
}

#[tokio::test]
async fn twenty_thousand_keys_are_read_in_pages() {
    let etcd = Etcd::start().await;
    let mut client = etcd.client().await;
    for chunk in 0..200 {
        let puts: Vec<_> = (0..100)
            .map(|n| {
                let n = chunk * 100 + n;
                let key = format!("services/s{:03}/{n:05}", n % 100);
                TxnOp::put(key, value("10.0.0.1:80", n), None)
            })
            .collect();
        client.txn(Txn::new().and_then(puts)).await.unwrap();
    }
    let mut followed = Followed::start(etcd.config()).await;
    let state = followed.until_synced().await;
    let services = &backends(&state).services;
    assert_eq!(services.len(), 100);
    let mut all: Vec<_> = services
        .values()
        .flat_map(|it| &it.backends)
        .map(|it| it.weight)
        .collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..20_000));
}

#[tokio::test]
async fn junk_is_shown_and_harms_no_neighbour() {
    let etcd = Etcd::start().await;
    let mut client = etcd.client().await;
    client
        .put(&b"services/\xff\xfe/1"[..], "x", None)
        .await
        .unwrap();
    etcd.put("services/nothing", "x").await;
    etcd.put("services/orders/", "x").await;
    etcd.put("services/orders/a", "junk").await;
    etcd.put_backend("orders", "b", 7).await;
    // Larger than gRPC's usual limit of a message, together.
    for n in 0..6 {
        etcd.put(&format!("services/huge/{n}"), &"x".repeat(1_000_000))
            .await;
    }
    let mut followed = Followed::start(etcd.config()).await;
    let state = followed.until_weights("orders", &[("b", 7)]).await;
    let problems = &service(&state, "orders").unwrap().problems;
    let keys: Vec<_> = problems.iter().map(|it| &*it.key).collect();
    assert_eq!(keys, ["services/orders/", "services/orders/a"]);
    assert!(problems[1].reason.contains("not JSON"));
    assert!(problems[1].revision > 0);
    assert_eq!(service(&state, "huge").unwrap().problems.len(), 6);
    assert_eq!(backends(&state).problems.len(), 2);

    // And through the watch: it goes on after six megabytes in one revision.
    let puts: Vec<_> = (0..6)
        .map(|n| TxnOp::put(format!("services/huge/{n}"), "y".repeat(200_000), None))
        .collect();
    etcd.txn(Txn::new().and_then(puts)).await;
    etcd.put_backend("orders", "a", 8).await;
    let state = followed
        .until_weights("orders", &[("a", 8), ("b", 7)])
        .await;
    assert_eq!(service(&state, "orders").unwrap().problems.len(), 1);
    etcd.delete("services/nothing").await;
    followed
        .until("one stray less", |it| backends(it).problems.len() == 1)
        .await;
}

#[tokio::test]
async fn settings_keep_the_last_good_object_and_reset_with_their_key() {
    let etcd = Etcd::start().await;
    let mut followed = Followed::start(etcd.config()).await;
    followed.until_synced().await;
    let fallback = |it: &lookaside_registry::RegistryState| {
        let settings = it.settings.as_ref()?.services.get("shop/orders")?;
        Some((settings.settings.fallback, settings.problem.is_some()))
    };
    let key = "lookaside/config/shop/orders";
    etcd.put(key, r#"{"fallback":true}"#).await;
    followed
        .until("set", |it| fallback(it) == Some((true, false)))
        .await;
    etcd.put(key, r#"{"fallback":false,"drops":7}"#).await;
    followed
        .until("kept", |it| fallback(it) == Some((true, true)))
        .await;
    etcd.delete(key).await;
    followed.until("reset", |it| fallback(it).is_none()).await;
}

#[tokio::test]
async fn a_backend_goes_with_its_lease() {
    let etcd = Etcd::start().await;
    etcd.put_leased("services/orders/a", &value("10.0.0.1:80", 1), 1)
        .await;
    let mut followed = Followed::start(etcd.config()).await;
    followed.until_weights("orders", &[("a", 1)]).await;
    followed.until_weights("orders", &[]).await;
}
