//! Very many changes.

use std::time::{Duration, Instant};

use etcd_client::{PutOptions, Txn, TxnOp};
use lookaside_tests::etcd::value;
use tokio::task::JoinSet;

use crate::{scene::Scene, support::weights};

/// How many keys change each second, and for how long.
const RATE: u32 = 5_000;
const SECONDS: u32 = 5;

/// Changes that one transaction makes: three members on two cores that fight for them
/// with everything else reach a few thousand transactions a second at best.
const TOGETHER: u32 = 10;

/// Writers at a time.
const WRITERS: u32 = 16;

/// What the process may grow by: a copy of the state for each of thousands of changes
/// would take far more.
const GROWTH: u64 = 200 << 20;

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_changes_a_second_end_in_the_true_state_within_bounded_memory() {
    let mut scene = Scene::start().await;
    let before = resident();
    let start = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mut client = scene.cluster.client().await;
        writers.spawn(async move {
            let transactions = RATE * SECONDS / TOGETHER / WRITERS;
            let due = |n| Duration::from_secs(SECONDS.into()) * n / transactions;
            for n in 0..transactions {
                let puts: Vec<_> = (0..TOGETHER)
                    .map(|k| {
                        let id = (n * TOGETHER + k) % 500;
                        let key = format!("services/storm{writer}/{id:03}");
                        TxnOp::put(key, value("10.0.0.1:80", n), None)
                    })
                    .collect();
                client.txn(Txn::new().and_then(puts)).await.unwrap();
                tokio::time::sleep_until((start + due(n)).into()).await;
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let written = start.elapsed();
    scene.until_true().await;
    let rate = f64::from(RATE * SECONDS) / written.as_secs_f64();
    let (caught_up, grown) = (
        start.elapsed() - written,
        resident().saturating_sub(before) >> 20,
    );
    println!("{rate:.0} changes a second, the last one seen {caught_up:?} later, {grown} MiB more");
    assert!(grown << 20 < GROWTH, "{grown} MiB");
    scene.ends_true().await;
}

#[tokio::test]
async fn a_thousand_leases_that_expire_at_once_are_seen_whole() {
    let mut scene = Scene::start().await;
    let mut client = scene.cluster.client().await;
    let lease = client.lease_grant(5, None).await.unwrap().id();
    for chunk in 0..10 {
        let puts: Vec<_> = (0..100)
            .map(|n| {
                let key = format!("services/leased/{:04}", chunk * 100 + n);
                let options = PutOptions::new().with_lease(lease);
                TxnOp::put(key, value("10.0.0.1:80", n), Some(options))
            })
            .collect();
        client.txn(Txn::new().and_then(puts)).await.unwrap();
    }
    let state = scene.until_true().await;
    assert_eq!(weights(&state, "leased").len(), 1000);
    // A lease deletes its keys in one revision: all or none are seen.
    let mut states = scene.followed.states.clone();
    let gone = states.wait_for(|it| {
        let left = weights(it, "leased").len();
        assert!(left == 1000 || left == 0, "{left} of 1000");
        left == 0
    });
    let gone = tokio::time::timeout(Duration::from_secs(30), gone).await;
    drop(gone.expect("the lease expires").unwrap());
    scene.ends_true().await;
}
