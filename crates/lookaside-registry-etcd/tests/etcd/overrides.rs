use std::{sync::Arc, time::Duration};

use lookaside_core::{BackendId, Override, OverrideNote, ServiceName, ServiceOverrides};
use lookaside_registry::{OverrideError, OverrideWriter, Registry, RegistryState};

use crate::{
    server::Etcd,
    support::{Followed, eventually},
};

fn orders() -> ServiceName {
    ServiceName::new("shop/orders").unwrap()
}

fn drain() -> Override {
    Override::Drain(BackendId::new("a").unwrap())
}

fn note() -> OverrideNote {
    OverrideNote {
        by: Some("alice".into()),
        reason: Some("a test".into()),
        ..OverrideNote::default()
    }
}

fn overrides(state: &RegistryState) -> Option<&Arc<ServiceOverrides>> {
    state.overrides.as_ref()?.services.get(&orders())
}

fn is_drained(state: &RegistryState) -> bool {
    let of_a = overrides(state).and_then(|it| it.backends.get("a"));
    of_a.is_some_and(|it| it.drain.is_some())
}

fn writer(followed: &Followed) -> Arc<dyn OverrideWriter> {
    followed.registry.override_writer().unwrap()
}

async fn put(from: &Followed, by: &str, expected: i64) -> Result<i64, OverrideError> {
    let (orders, drain, mut note, expected) = (orders(), drain(), note(), Some(expected));
    note.by = Some(by.into());
    writer(from)
        .put(&orders, &drain, &note, None, expected)
        .await
}

#[tokio::test]
async fn an_override_reaches_every_replica_and_only_who_knows_it_replaces_it() {
    let etcd = Etcd::start().await;
    let mut one = Followed::start(etcd.config()).await;
    let mut other = Followed::start(etcd.config()).await;
    let revision = put(&one, "alice", 0).await.unwrap();
    for followed in [&mut one, &mut other] {
        let state = followed.until("drained", |it| is_drained(it)).await;
        let drain = overrides(&state).unwrap().backends["a"].drain.clone();
        let seen = drain.unwrap().note;
        assert_eq!(
            (seen.revision, seen.by.as_deref()),
            (revision, Some("alice"))
        );
        assert_eq!(&*seen.key, "lookaside/overrides/shop/orders/drain/a");
    }

    let Err(OverrideError::Conflict { found, .. }) = put(&other, "bob", 0).await else {
        panic!("it was there already");
    };
    assert_eq!(found, revision);
    let newest = put(&other, "bob", revision).await.unwrap();
    let target = drain().target();
    let stale = writer(&one)
        .delete(&orders(), &target, Some(revision))
        .await;
    assert!(
        matches!(stale, Err(OverrideError::Conflict { .. })),
        "{stale:?}"
    );
    let deleted = writer(&one).delete(&orders(), &target, Some(newest)).await;
    assert_eq!(deleted, Ok(true));
    let gone = writer(&one).delete(&orders(), &target, None).await;
    assert_eq!(gone, Ok(false));
    other.until("over", |it| overrides(it).is_none()).await;
}

#[tokio::test]
async fn an_override_with_a_time_to_live_ends_by_itself_and_one_put_over_it_does_not() {
    let etcd = Etcd::start().await;
    let mut followed = Followed::start(etcd.config()).await;
    let writer = writer(&followed);
    let second = Some(Duration::from_secs(1));
    let order = Override::Fallback(true);
    writer
        .put(&orders(), &drain(), &note(), second, None)
        .await
        .unwrap();
    writer
        .put(&orders(), &order, &note(), second, None)
        .await
        .unwrap();
    writer
        .put(&orders(), &order, &note(), None, None)
        .await
        .unwrap();
    followed.until("drained", |it| is_drained(it)).await;
    let state = followed.until("drain is over", |it| !is_drained(it)).await;
    assert!(overrides(&state).unwrap().fallback.is_some());

    // A lease that was granted for nothing does not stay.
    let refused = writer
        .put(&orders(), &order, &note(), second, Some(1))
        .await;
    assert!(refused.is_err());
    let mut client = etcd.client().await;
    eventually("no lease is left", async || {
        client.leases().await.unwrap().leases().is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_under_the_prefix_is_shown_and_harms_nobody() {
    let etcd = Etcd::start().await;
    etcd.put(
        "lookaside/overrides/shop/orders/drain/a",
        r#"{"value":true}"#,
    )
    .await;
    etcd.put("lookaside/overrides/shop/orders/weight/a", "junk")
        .await;
    etcd.put("lookaside/overrides/nonsense", "{}").await;
    let mut followed = Followed::start(etcd.config()).await;
    let state = followed.until("drained", |it| is_drained(it)).await;
    let [problem] = &overrides(&state).unwrap().problems[..] else {
        panic!("{state:#?}");
    };
    assert_eq!(&*problem.key, "lookaside/overrides/shop/orders/weight/a");
    let [stray] = &state.overrides.as_ref().unwrap().problems[..] else {
        panic!("{state:#?}");
    };
    assert!(
        stray.reason.contains("expected SERVICE/weight/BACKEND"),
        "{stray:?}"
    );
}

#[tokio::test]
async fn an_override_that_is_replaced_or_ended_leaves_no_lease_behind() {
    let etcd = Etcd::start().await;
    let followed = Followed::start(etcd.config()).await;
    let writer = writer(&followed);
    let mut client = etcd.client().await;
    let year = Some(Duration::from_secs(365 * 24 * 3600));
    let target = drain().target();
    for _ in 0..2 {
        writer
            .put(&orders(), &drain(), &note(), year, None)
            .await
            .unwrap();
        // The second put has ended the lease of the first.
        assert_eq!(client.leases().await.unwrap().leases().len(), 1);
    }
    assert_eq!(writer.delete(&orders(), &target, None).await, Ok(true));
    assert!(client.leases().await.unwrap().leases().is_empty());
}

#[tokio::test]
async fn a_lease_that_other_keys_are_under_is_not_ended() {
    let etcd = Etcd::start().await;
    let followed = Followed::start(etcd.config()).await;
    let mut client = etcd.client().await;
    let lease = client.lease_grant(3600, None).await.unwrap().id();
    for key in ["orders/drain/a", "orders/drain/b"] {
        let key = format!("lookaside/overrides/shop/{key}");
        let options = etcd_client::PutOptions::new().with_lease(lease);
        client
            .put(key, r#"{"value":true}"#, Some(options))
            .await
            .unwrap();
    }
    let (orders, target) = (orders(), drain().target());
    let deleted = writer(&followed).delete(&orders, &target, None).await;
    assert_eq!(deleted, Ok(true));
    let left = client
        .get("lookaside/overrides/shop/orders/drain/b", None)
        .await
        .unwrap();
    assert_eq!(left.kvs().len(), 1);
}
