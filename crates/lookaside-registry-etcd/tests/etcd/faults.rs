use std::{sync::Arc, time::Duration};

use lookaside_registry::{Freshness, Registry};
use lookaside_registry_etcd::{ConfigError, EtcdConfig, EtcdRegistry};
use tokio::time::Instant;

use crate::{
    proxy::{Mode, Proxy},
    server::Etcd,
    support::{Followed, config, is_stale, service},
};

#[tokio::test]
async fn an_unreachable_etcd_is_tried_again_and_said() {
    let mut etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    etcd.kill();
    let mut followed = Followed::start(etcd.config()).await;
    let state = followed
        .until("an error", |it| {
            matches!(it.freshness, Freshness::Connecting { error: Some(_), .. })
        })
        .await;
    let Freshness::Connecting {
        error: Some(error), ..
    } = &state.freshness
    else {
        unreachable!()
    };
    assert!(error.contains(&etcd.client_port.to_string()), "{error}");
    assert!(error.to_lowercase().contains("refused"), "{error}");
    assert!(!state.is_complete());
    etcd.run().await;
    followed.until_weights("orders", &[("a", 1)]).await;
}

#[tokio::test]
async fn the_next_member_is_tried_when_one_is_down() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    let down = Etcd::start().await.client_port;
    let mut config = etcd.config();
    config.endpoints = vec![down.into(), etcd.client_port.into(), down.into()];
    let mut followed = Followed::start(config).await;
    followed.until_weights("orders", &[("a", 1)]).await;
}

#[tokio::test]
async fn a_wrong_configuration_is_an_error_at_once() {
    let config = EtcdConfig::from_url("etcd://127.0.0.1:2379").unwrap();
    let missing = EtcdConfig {
        ca: Some("/nowhere/ca.pem".into()),
        ..config.clone()
    };
    let error = EtcdRegistry::connect(missing).await.unwrap_err();
    assert!(
        matches!(error, ConfigError::File { field: "ca", .. }),
        "{error}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no certificate").unwrap();
    let path = Some(file.path().to_owned());
    let junk = EtcdConfig {
        ca: path.clone(),
        cert: path.clone(),
        key: path,
        ..config
    };
    let error = EtcdRegistry::connect(junk).await.unwrap_err();
    assert!(matches!(error, ConfigError::Tls(_)), "{error}");
}

#[tokio::test]
async fn a_restart_of_etcd_loses_nothing_and_the_last_state_is_served_meanwhile() {
    let mut etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    etcd.put_backend("carts", "x", 1).await;
    let mut followed = Followed::start(etcd.config()).await;
    let before = followed.until_weights("carts", &[("x", 1)]).await;
    etcd.kill();
    let stale = followed.until("stale", |it| is_stale(it)).await;
    assert!(Arc::ptr_eq(
        stale.backends.as_ref().unwrap(),
        before.backends.as_ref().unwrap()
    ));
    etcd.run().await;
    etcd.put_backend("orders", "a", 2).await;
    let after = followed.until_weights("orders", &[("a", 2)]).await;
    let carts = |it| Arc::clone(service(it, "carts").unwrap());
    assert!(Arc::ptr_eq(&carts(&before), &carts(&after)));
    followed.until_synced().await;
}

#[tokio::test]
async fn a_compaction_while_cut_off_is_followed_by_a_list_and_a_diff() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    etcd.put_backend("gone", "g", 1).await;
    etcd.put_backend("carts", "x", 1).await;
    let proxy = Proxy::to(etcd.client_port).await;
    let mut followed = Followed::start(config(proxy.address)).await;
    let before = followed.until_weights("carts", &[("x", 1)]).await;
    proxy.set(Mode::Refuse);
    followed.until("stale", |it| is_stale(it)).await;
    for n in 2..50 {
        etcd.put_backend("orders", "a", n).await;
    }
    etcd.delete("services/gone/g").await;
    etcd.compact().await;
    proxy.set(Mode::Forward);
    let after = followed.until_weights("orders", &[("a", 49)]).await;
    assert!(service(&after, "gone").is_none());
    let carts = |it| Arc::clone(service(it, "carts").unwrap());
    assert!(Arc::ptr_eq(&carts(&before), &carts(&after)));
    etcd.put_backend("orders", "b", 1).await;
    followed
        .until_weights("orders", &[("a", 49), ("b", 1)])
        .await;
}

#[tokio::test]
async fn a_long_backlog_cut_off_in_the_middle_is_resumed_where_it_was() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 0).await;
    let proxy = Proxy::to(etcd.client_port).await;
    let mut followed = Followed::start(config(proxy.address)).await;
    followed.until_weights("orders", &[("a", 0)]).await;
    proxy.set(Mode::Refuse);
    followed.until("stale", |it| is_stale(it)).await;
    // Three batches of 1,000 revisions, each with the newest revision in its header.
    let mut client = etcd.client().await;
    for n in 0..3_000 {
        let key = format!("services/s{}/{}", n % 7, n % 100);
        let value = crate::server::value("10.0.0.1:80", n);
        client.put(key, value, None).await.unwrap();
    }
    // Cut off again and again while it catches up.
    for _ in 0..20 {
        proxy.set(Mode::Forward);
        tokio::task::yield_now().await;
        let _ = tokio::time::timeout(Duration::from_millis(15), followed.states.changed()).await;
        proxy.set(Mode::Refuse);
    }
    proxy.set(Mode::Forward);
    let revision = etcd.revision().await;
    let state = followed
        .until("everything is there", |it| {
            it.backends
                .as_ref()
                .is_some_and(|it| it.revision == revision)
        })
        .await;
    let mut all: Vec<_> = (0..7)
        .flat_map(|n| service(&state, &format!("s{n}")).unwrap().backends.clone())
        .map(|it| it.weight)
        .collect();
    all.sort_unstable();
    let mut last = std::collections::BTreeMap::new();
    for n in 0..3_000u32 {
        last.insert((n % 7, n % 100), n);
    }
    let mut expected: Vec<_> = last.into_values().collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn dropping_the_registry_ends_its_connections() {
    let etcd = Etcd::start().await;
    let mut followed = Followed::start(etcd.config()).await;
    followed.until_synced().await;
    let mut states = followed.registry.subscribe();
    drop(followed.registry);
    let ended = async { while states.changed().await.is_ok() {} };
    let start = Instant::now();
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
}
