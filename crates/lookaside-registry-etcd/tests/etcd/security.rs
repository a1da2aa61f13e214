use std::{path::Path, sync::Arc, time::Duration};

use lookaside_core::{Override, OverrideNote};
use lookaside_registry::{Freshness, OverrideError, OverrideWriter, Registrar, RegistryState};
use lookaside_registry_etcd::{EtcdConfig, EtcdRegistrar};
use lookaside_tests::{
    Cluster,
    etcd::{Authority, ClusterOptions},
    proxy::Proxy,
};
use tokio::time::timeout;

use crate::{
    scene::Scene,
    server::{Etcd, Tls},
    support::{Followed, is_stale},
};

/// An authority and one certificate of it, for both sides.
fn certificates(dir: &Path) -> Tls {
    Authority::new(dir, "ca").sign("both")
}

fn error(state: &RegistryState) -> Option<&str> {
    match &state.freshness {
        Freshness::Connecting { error, .. } => error.as_deref(),
        _ => None,
    }
}

#[tokio::test]
async fn mutual_tls_works_and_without_it_the_reason_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificates(dir.path());
    let etcd = Etcd::start_with(Some(tls.clone())).await;
    etcd.put_backend("orders", "a", 1).await;
    let config = EtcdConfig {
        ca: Some(tls.ca.clone()),
        cert: Some(tls.cert),
        key: Some(tls.key),
        ..etcd.config()
    };
    let mut followed = Followed::start(config.clone()).await;
    followed.until_weights("orders", &[("a", 1)]).await;

    let anonymous = EtcdConfig {
        cert: None,
        key: None,
        ..config.clone()
    };
    let mut refused = Followed::start(anonymous).await;
    refused.until("an error", |it| error(it).is_some()).await;

    let other = tempfile::tempdir().unwrap();
    let distrustful = EtcdConfig {
        ca: Some(certificates(other.path()).ca),
        ..config
    };
    let mut refused = Followed::start(distrustful).await;
    refused
        .until("an error about the certificate", |it| {
            error(it).is_some_and(|it| it.contains("certificate"))
        })
        .await;
}

#[tokio::test]
async fn the_right_to_read_is_enough_to_follow_and_survives_a_restart_of_etcd() {
    let mut etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    etcd.protect().await;
    let config = |password: &str| EtcdConfig {
        user: Some("reader".into()),
        password: Some(password.into()),
        ..etcd.config()
    };
    let (right, wrong) = (config("secret"), config("wrong"));
    let mut refused = Followed::start(wrong).await;
    refused
        .until("an error about the user", |it| {
            error(it).is_some_and(|it| it.contains("authentication failed"))
        })
        .await;
    let mut followed = Followed::start(right.clone()).await;
    followed.until_weights("orders", &[("a", 1)]).await;

    let registrar = EtcdRegistrar::new(right).await.unwrap();
    let registration = crate::registrar::registration("b", "10.0.0.1:1", 1);
    let denied = registrar
        .register(&registration, crate::registrar::TTL)
        .await;
    assert!(
        denied
            .unwrap_err()
            .to_string()
            .contains("permission denied")
    );
    let order = registrar
        .put(
            &"orders".parse().unwrap(),
            &Override::Drain("a".parse().unwrap()),
            &OverrideNote::default(),
            None,
            None,
        )
        .await;
    assert!(
        matches!(&order, Err(OverrideError::Denied(reason)) if reason.contains("permission denied")),
        "{order:?}"
    );

    // It forgets the tokens it gave out.
    etcd.kill();
    followed.until("stale", |it| is_stale(it)).await;
    etcd.run().await;
    etcd.put_backend("orders", "a", 2).await;
    followed.until_weights("orders", &[("a", 2)]).await;
    followed.until_synced().await;
}

/// A scene over TLS, in which one member has a certificate of an authority that nobody
/// trusts.
async fn one_of_three_untrusted(dir: &Path) -> (Scene, EtcdConfig) {
    let authority = Authority::new(dir, "ca");
    let [first, third, ours] = ["first", "third", "ours"].map(|name| authority.sign(name));
    let mut second = Authority::new(dir, "other").sign("second");
    // It lets clients in all the same, and the kit trusts it.
    let both = [&first.ca, &second.ca].map(|ca| std::fs::read_to_string(ca).unwrap());
    second.ca = dir.join("both.pem");
    std::fs::write(&second.ca, both.concat()).unwrap();
    let cluster = Cluster::start_with(ClusterOptions {
        tls: Some([first, second, third]),
        ..ClusterOptions::default()
    })
    .await;
    let config = EtcdConfig {
        ca: Some(ours.ca),
        cert: Some(ours.cert),
        key: Some(ours.key),
        ..crate::scene::config(&cluster.endpoints())
    };
    let scene = Scene::of(cluster, config.clone(), Vec::new()).await;
    (scene, config)
}

#[tokio::test]
async fn a_member_with_a_wrong_certificate_is_passed_over_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (mut scene, config) = one_of_three_untrusted(dir.path()).await;
    for member in [0, 2] {
        scene.cluster.kill(member);
        scene.cluster.run(member).await;
        scene.change().await;
        scene.until_true().await;
    }
    let untrusted = scene.cluster.members[1].client;
    let mut alone = Followed::start(EtcdConfig {
        endpoints: vec![untrusted.into()],
        ..config
    })
    .await;
    alone
        .until("an error about the certificate of that member", |it| {
            error(it)
                .is_some_and(|it| it.contains("certificate") && it.contains(&untrusted.to_string()))
        })
        .await;
    scene.ends_true().await;
}

#[tokio::test]
async fn authentication_may_be_turned_on_and_off_while_it_is_followed() {
    let cluster = Cluster::start().await;
    let config = EtcdConfig {
        user: Some("reader".into()),
        password: Some("secret".into()),
        ..crate::scene::config(&cluster.endpoints())
    };
    // Not needed yet.
    cluster.keys().await.put_backend("s0", "first", 1).await;
    let mut scene = Scene::of(cluster, config, Vec::new()).await;
    for turn in 0..2 {
        if turn == 0 {
            scene.cluster.protect().await;
        } else {
            scene.cluster.protect_again().await;
        }
        scene.change().await;
        scene.until_true().await;
        // Every connection anew.
        for member in 0..3 {
            scene.cluster.kill(member);
            scene.cluster.run(member).await;
        }
        scene.change().await;
        scene.until_true().await;
        scene.cluster.unprotect().await;
        scene.change().await;
        scene.until_true().await;
    }
    scene.ends_true().await;
}

#[tokio::test]
async fn a_balancer_without_a_user_keeps_what_it_has_when_authentication_is_turned_on() {
    let mut scene = Scene::behind_proxies().await;
    scene.cluster.protect().await;
    let before = scene.until_true().await;
    scene.proxies.iter().for_each(Proxy::cut);
    let refused = |it: &RegistryState| matches!(&it.freshness, Freshness::Stale { error, .. } if error.contains("user name is empty"));
    let stale = scene.followed.until("refused", |it| refused(it)).await;
    let (one, other) = (before.backends.as_ref(), stale.backends.as_ref());
    assert!(Arc::ptr_eq(one.unwrap(), other.unwrap()));
    scene.change().await;
    scene.cluster.unprotect().await;
    scene.ends_true().await;
}

#[tokio::test]
async fn tokens_that_expire_cost_nothing() {
    // A second is the shortest life that etcd gives its tokens.
    let mut cluster = Cluster::start_with(ClusterOptions {
        args: vec!["--auth-token-ttl".into(), "1".into()],
        ..ClusterOptions::default()
    })
    .await;
    cluster.protect().await;
    let config = EtcdConfig {
        user: Some("reader".into()),
        password: Some("secret".into()),
        ..crate::scene::config(&cluster.endpoints())
    };
    let writer = EtcdConfig {
        user: Some("root".into()),
        password: Some("root".into()),
        ..config.clone()
    };
    let registrar = EtcdRegistrar::new(writer).await.unwrap();
    let registration = crate::registrar::registration("b", "10.0.0.1:1", 1);
    let mut scene = Scene::of(cluster, config, Vec::new()).await;
    let refused = |it: &RegistryState| matches!(&it.freshness, Freshness::Stale { error, .. } if error.contains("auth token"));
    for _ in 0..3 {
        // Nothing uses the token meanwhile: the watch answers, and no read is needed. What else a
        // slow machine does to a watch is not the token's fault.
        let mut states = scene.followed.states.clone();
        let never = states.wait_for(|it| refused(it));
        let waited = timeout(Duration::from_millis(1500), never).await;
        assert!(waited.is_err(), "an expired token was used");
        // A connection that is still good, and whose token is not.
        let registered = registrar.register(&registration, crate::registrar::TTL);
        registered.await.unwrap();
        scene.change().await;
        scene.until_true().await;
        // Whoever was connected there needs a token again.
        let member = scene.cluster.follower().await;
        scene.cluster.kill(member);
        scene.cluster.run(member).await;
        scene.until_true().await;
    }
    scene.ends_true().await;
}
