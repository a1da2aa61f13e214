//! Many keys, and large values.

use std::time::Duration;

use etcd_client::{Txn, TxnOp};
use lookaside_registry_etcd::EtcdConfig;
use lookaside_tests::{
    etcd::{ClusterOptions, value},
    proxy::Mode,
};

use crate::{
    scene::{Load, Scene},
    support::{Followed, backends, is_stale},
};

/// etcd refuses transactions of more than 128 operations.
const CHUNK: u32 = 100;

/// More than 64 of 1 MiB, which is as much as is received at once.
const LARGE: usize = 80;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_keys_are_listed_while_they_are_written() {
    let mut scene = Scene::behind_proxies().await;
    let mut client = scene.cluster.client().await;
    for chunk in 0..100_000 / CHUNK {
        let puts: Vec<_> = (0..CHUNK)
            .map(|n| {
                let n = chunk * CHUNK + n;
                let key = format!("services/many{:03}/{n:06}", n % 200);
                TxnOp::put(key, value("10.0.0.1:80", n), None)
            })
            .collect();
        client.txn(Txn::new().and_then(puts)).await.unwrap();
    }
    scene.until_true().await;
    let mut load = Load::on(&scene.cluster);
    // Those who list: this one anew, as its history is compacted away, and new ones.
    for _ in 0..3 {
        scene.set(Mode::Refuse);
        scene.followed.until("stale", |it| is_stale(it)).await;
        load.goes_on(20).await;
        let newest = scene.record().await;
        scene.cluster.keys().await.compact_to(newest).await;
        scene.set(Mode::Forward);
        let config = crate::scene::config(&scene.cluster.endpoints());
        let mut other = Followed::start(config).await;
        let first = other.until_synced().await;
        let all = backends(&first).services.values();
        let all = all.filter(|it| it.backends.len() == 500).count();
        assert_eq!(all, 200, "a first state that is not whole");
        scene.until_true_under_load().await;
    }
    load.stop().await;
    scene.ends_true().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_mebibyte_are_skipped_and_delay_nobody() {
    // However long it was away, the watch is resumed: with more than can be received.
    let resume = |config: &mut EtcdConfig| config.timings.resume = Duration::from_secs(3600);
    let mut scene = Scene::behind_proxies_with(ClusterOptions::default(), resume).await;
    let mut client = scene.cluster.client().await;
    // More together than is received in one message, in the list and in a watch that
    // catches up.
    for round in 0..2 {
        if round == 1 {
            scene.set(Mode::Refuse);
            scene.followed.until("stale", |it| is_stale(it)).await;
        }
        for n in 0..LARGE {
            let (key, value) = (format!("services/huge/{n:03}"), "x".repeat(1 << 20));
            client.put(key, value, None).await.unwrap();
        }
        scene.change().await;
        scene.set(Mode::Forward);
        let state = scene.until_true().await;
        let huge = &backends(&state).services["huge"];
        assert_eq!(huge.problems.len(), LARGE);
        scene.change().await;
        scene.until_true().await;
    }
    let config = crate::scene::config(&scene.cluster.endpoints());
    let mut other = Followed::start(config).await;
    let listing = tokio::time::timeout(Duration::from_secs(20), other.until_synced());
    listing.await.expect("a list of large values is quick");
    scene.ends_true().await;
}
