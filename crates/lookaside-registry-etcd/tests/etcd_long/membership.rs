//! Members come and go for good, one after the other, while somebody writes.

use lookaside_tests::{etcd::ClusterOptions, proxy::Mode};

use crate::scene::{Load, Scene};

#[tokio::test]
async fn every_member_may_be_removed_and_added_anew() {
    let mut scene = Scene::start().await;
    let mut load = Load::on(&scene.cluster);
    for member in 0..3 {
        scene.cluster.remove(member).await;
        load.goes_on(20).await;
        scene.until_true_under_load().await;
        scene.cluster.add_again(member).await;
        load.goes_on(20).await;
        scene.until_true_under_load().await;
    }
    load.stop().await;
    scene.ends_true().await;
}

#[tokio::test]
async fn leadership_may_move_all_the_time() {
    let scene = Scene::start().await;
    let mut load = Load::on(&scene.cluster);
    for turn in 0..12 {
        scene.cluster.move_leader(turn % 3).await;
        load.goes_on(10).await;
    }
    load.stop().await;
    assert!(scene.ends_true().await.states > 20);
}

#[tokio::test]
async fn compaction_and_defragmentation_under_load_cost_no_change() {
    let mut scene = Scene::start().await;
    let mut load = Load::on(&scene.cluster);
    for _ in 0..5 {
        load.goes_on(50).await;
        let known = scene.record().await;
        scene.cluster.keys().await.compact_to(known).await;
        scene.cluster.defragment().await;
    }
    load.stop().await;
    scene.ends_true().await;
}

#[tokio::test]
async fn a_member_that_gets_a_snapshot_of_the_leader_takes_nobody_back() {
    // A member behind by more than the leader's log gets a whole snapshot, in which no
    // entry tells it the term.
    let options = ClusterOptions {
        args: ["--snapshot-count", "50"].map(str::to_owned).into(),
        ..ClusterOptions::default()
    };
    let mut scene = Scene::behind_proxies_with(options, |_| {}).await;
    for _ in 0..2 {
        let member = scene.cluster.follower().await;
        scene.cluster.kill(member);
        let mut client = scene.cluster.client().await;
        for n in 0..6_000 {
            let key = format!("elsewhere/{n}");
            client.put(key, "", None).await.unwrap();
        }
        scene.change().await;
        scene.until_true().await;
        scene.cluster.run(member).await;
        // Nobody else is left to follow.
        for other in (0..3).filter(|other| *other != member) {
            scene.proxies[other].set(Mode::Refuse);
        }
        scene.until_true().await;
        scene.change().await;
        scene.until_true().await;
        scene.set(Mode::Forward);
    }
    scene.ends_true().await;
}
