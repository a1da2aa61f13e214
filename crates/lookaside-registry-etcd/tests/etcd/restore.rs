use tokio::time::Instant;

use crate::{
    proxy::{Mode, Proxy},
    scene::Scene,
    server::Etcd,
    support::{Followed, backends, config, is_stale, weights},
};

#[tokio::test]
async fn a_restored_backup_is_followed_back() {
    let mut etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    etcd.kill();
    etcd.back_up();
    etcd.run().await;
    let mut followed = Followed::start(etcd.config()).await;
    followed.until_weights("orders", &[("a", 1)]).await;
    for n in 2..10 {
        etcd.put_backend("orders", "a", n).await;
    }
    etcd.put_backend("orders", "b", 1).await;
    let before = followed
        .until_weights("orders", &[("a", 9), ("b", 1)])
        .await;
    etcd.kill();
    etcd.restore();
    etcd.run().await;
    let after = followed.until_weights("orders", &[("a", 1)]).await;
    assert!(backends(&after).revision < backends(&before).revision);
    etcd.put_backend("orders", "c", 1).await;
    followed
        .until_weights("orders", &[("a", 1), ("c", 1)])
        .await;
    followed.until_synced().await;
}

#[tokio::test]
async fn a_restored_backup_that_has_overtaken_the_old_revision_is_noticed() {
    let mut etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    etcd.kill();
    etcd.back_up();
    etcd.run().await;
    // Elections since the backup: its raft term is behind.
    for _ in 0..2 {
        etcd.kill();
        etcd.run().await;
    }
    etcd.put_backend("orders", "lost", 1).await;
    let proxy = Proxy::to(etcd.client_port).await;
    let mut followed = Followed::start(config(proxy.address)).await;
    let before = followed
        .until_weights("orders", &[("a", 1), ("lost", 1)])
        .await;
    proxy.set(Mode::Refuse);
    followed.until("stale", |it| is_stale(it)).await;
    etcd.kill();
    etcd.restore();
    etcd.run().await;
    for n in 0..10 {
        etcd.put_backend("carts", "x", n).await;
    }
    assert!(etcd.revision().await > backends(&before).revision);
    proxy.set(Mode::Forward);
    let after = followed.until_weights("carts", &[("x", 9)]).await;
    assert_eq!(weights(&after, "orders"), [("a", 1)]);
}

#[tokio::test]
async fn another_cluster_at_the_same_address_is_noticed() {
    let mut etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    let mut followed = Followed::start(etcd.config()).await;
    followed.until_weights("orders", &[("a", 1)]).await;
    etcd.kill();
    etcd.become_another();
    etcd.run().await;
    for n in 0..10 {
        etcd.put_backend("carts", "x", n).await;
    }
    let after = followed.until_weights("carts", &[("x", 9)]).await;
    assert_eq!(weights(&after, "orders"), []);
}

#[tokio::test]
async fn three_members_restored_from_an_older_backup_are_followed_back() {
    let mut scene = Scene::start().await;
    scene.until_true().await;
    let kept = scene.record().await;
    scene.cluster.back_up().await;
    scene.change().await;
    scene.until_true().await;
    scene.cluster.kill_all();
    scene.cluster.put_back();
    scene.history.went_back_to(kept);
    scene.cluster.run_all().await;
    scene.ends_true().await;
}

#[tokio::test]
async fn a_restored_cluster_that_has_overtaken_the_old_one_unseen_is_noticed_in_the_same_term_too()
{
    let mut scene = Scene::behind_proxies().await;
    let kept = scene.record().await;
    scene.cluster.back_up().await;
    let term = scene.term().await;
    scene.change().await;
    scene.until_true().await;
    scene.set(Mode::Refuse);
    let lost = Instant::now();
    scene.followed.until("stale", |it| is_stale(it)).await;
    scene.cluster.kill_all();
    scene.cluster.put_back();
    scene.history.went_back_to(kept);
    scene.cluster.run_all().await;
    // Elections up to where it was before.
    assert_eq!(scene.term().await, term);
    scene.overtake(lost).await;
    scene.set(Mode::Forward);
    scene.ends_true().await;
}

#[tokio::test]
async fn another_cluster_behind_the_same_addresses_is_followed() {
    let mut scene = Scene::start().await;
    scene.cluster.kill_all();
    scene.cluster.become_another();
    scene.history.began_anew();
    scene.cluster.run_all().await;
    scene.change().await;
    scene.ends_true().await;
}

#[tokio::test]
async fn one_member_of_another_cluster_is_not_believed_as_long_as_the_others_answer() {
    let mut scene = Scene::behind_proxies().await;
    let stranger = Etcd::start().await;
    stranger.put_backend("orders", "stranger", 1).await;
    scene.proxies[1].lead_to(stranger.client_port);
    for _ in 0..6 {
        scene.proxies.iter().for_each(|it| it.cut());
        scene.change().await;
        scene.until_true().await;
    }
    scene.ends_true().await;
}

#[tokio::test]
async fn a_cluster_restored_into_one_member_is_believed_although_the_others_are_silent() {
    let mut scene = Scene::behind_proxies().await;
    let restored = Etcd::start().await;
    restored.put_backend("orders", "restored", 1).await;
    scene.proxies[0].set(Mode::Refuse);
    scene.proxies[2].set(Mode::Refuse);
    scene.proxies[1].lead_to(restored.client_port);
    scene.proxies[1].cut();
    scene
        .followed
        .until_weights("orders", &[("restored", 1)])
        .await;
}
