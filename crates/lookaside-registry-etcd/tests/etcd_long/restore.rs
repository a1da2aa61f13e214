//! Restored from a snapshot, as etcd's own tools do it.

use lookaside_tests::proxy::Mode;
use tokio::time::Instant;

use crate::{scene::Scene, support::is_stale};

#[tokio::test]
async fn a_cluster_restored_from_an_older_snapshot_is_followed_back() {
    let mut scene = Scene::start().await;
    let kept = scene.record().await;
    let snapshot = scene.cluster.save().await;
    for _ in 0..3 {
        scene.change().await;
    }
    scene.until_true().await;
    scene.cluster.kill_all();
    scene.cluster.restore(&snapshot, &[]);
    scene.history.went_back_to(kept);
    scene.cluster.run_all().await;
    scene.ends_true().await;
}

#[tokio::test]
async fn a_cluster_restored_and_written_to_while_nobody_looked_is_followed() {
    let mut scene = Scene::behind_proxies().await;
    let kept = scene.record().await;
    let snapshot = scene.cluster.save().await;
    scene.change().await;
    scene.until_true().await;
    scene.set(Mode::Refuse);
    let lost = Instant::now();
    scene.followed.until("stale", |it| is_stale(it)).await;
    scene.cluster.kill_all();
    scene.cluster.restore(&snapshot, &[]);
    scene.history.went_back_to(kept);
    scene.cluster.run_all().await;
    scene.overtake(lost).await;
    scene.set(Mode::Forward);
    scene.ends_true().await;
}

#[tokio::test]
async fn every_restore_of_several_is_followed() {
    let mut scene = Scene::start().await;
    for _ in 0..3 {
        let kept = scene.record().await;
        let snapshot = scene.cluster.save().await;
        scene.change().await;
        scene.until_true().await;
        scene.cluster.kill_all();
        scene.cluster.restore(&snapshot, &[]);
        scene.history.went_back_to(kept);
        scene.cluster.run_all().await;
        scene.until_true().await;
    }
    scene.ends_true().await;
}
