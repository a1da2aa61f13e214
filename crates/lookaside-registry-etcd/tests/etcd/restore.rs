use crate::{
    proxy::{Mode, Proxy},
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
