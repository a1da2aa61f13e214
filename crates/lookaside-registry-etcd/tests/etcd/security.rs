use std::path::Path;

use lookaside_registry::{Freshness, Registrar, RegistryState};
use lookaside_registry_etcd::{EtcdConfig, EtcdRegistrar};
use lookaside_tests::etcd::Authority;

use crate::{
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

    // It forgets the tokens it gave out.
    etcd.kill();
    followed.until("stale", |it| is_stale(it)).await;
    etcd.run().await;
    etcd.put_backend("orders", "a", 2).await;
    followed.until_weights("orders", &[("a", 2)]).await;
    followed.until_synced().await;
}
