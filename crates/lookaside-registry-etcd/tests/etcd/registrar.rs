use std::{sync::Arc, time::Duration};

use etcd_client::PutOptions;
use lookaside_core::BackendState;
use lookaside_registry::{
    Claim, Handle, Registered, Registrar, RegistrarError, Registration, RegistrationError, Registry,
};
use lookaside_registry_etcd::EtcdRegistrar;

use crate::{
    proxy::{Mode, Proxy},
    server::{Etcd, value},
    support::{Followed, config, eventually, weights},
};

pub(crate) const TTL: Duration = Duration::from_secs(2);

pub(crate) fn registration(id: &str, address: &str, weight: u32) -> Registration {
    Registration {
        service: "orders".parse().unwrap(),
        id: id.parse().unwrap(),
        address: address.parse().unwrap(),
        weight,
        zone: None,
        state: BackendState::Serving,
    }
}

async fn started() -> (Etcd, EtcdRegistrar) {
    let etcd = Etcd::start().await;
    let registrar = EtcdRegistrar::new(etcd.config()).await.unwrap();
    (etcd, registrar)
}

async fn register(registrar: &EtcdRegistrar, id: &str, address: &str) -> Registered {
    let registration = registration(id, address, 7);
    registrar.register(&registration, TTL).await.unwrap()
}

#[tokio::test]
async fn a_registration_is_seen_updated_and_ended() {
    let etcd = Etcd::start().await;
    let mut followed = Followed::start(etcd.config()).await;
    let registrar: Arc<dyn Registrar> = followed.registry.registrar().unwrap();
    let mut it = registration("a", "10.0.0.1:50051", 7);
    let registered = registrar.register(&it, TTL).await.unwrap();
    assert_eq!(registered.ttl, TTL);
    followed.until_weights("orders", &[("a", 7)]).await;
    let written = etcd.value("services/orders/a").await.unwrap();
    let (head, tail) = (
        r#"{"Addr":"10.0.0.1:50051","Metadata":{"owner":""#,
        r#"","state":"serving","weight":7}}"#,
    );
    assert!(
        written.starts_with(head) && written.ends_with(tail),
        "{written}"
    );

    it.weight = 9;
    it.state = BackendState::Draining;
    it.zone = Some("z".into());
    registrar.update(&registered.handle, &it).await.unwrap();
    let state = followed.until_weights("orders", &[("a", 9)]).await;
    let backend = &crate::support::service(&state, "orders").unwrap().backends[0];
    assert_eq!(
        (backend.state, backend.zone.as_deref()),
        (BackendState::Draining, Some("z"))
    );

    it.address = "10.0.0.2:50051".parse().unwrap();
    let moved = registrar.update(&registered.handle, &it).await;
    assert!(matches!(
        moved,
        Err(RegistrarError::Invalid(RegistrationError::Fixed(
            "the address"
        )))
    ));
    let other = registration("b", "10.0.0.1:50051", 1);
    let renamed = registrar.update(&registered.handle, &other).await;
    assert!(matches!(
        renamed,
        Err(RegistrarError::Invalid(RegistrationError::Fixed(_)))
    ));

    registrar.deregister(&registered.handle).await.unwrap();
    followed.until_weights("orders", &[]).await;
    assert_eq!(etcd.leases().await, 0);
    registrar.deregister(&registered.handle).await.unwrap();
    let gone = registrar.renew(&registered.handle).await;
    assert!(matches!(gone, Err(RegistrarError::Gone)), "{gone:?}");
    let gone = registrar
        .update(&registered.handle, &registration("a", "10.0.0.1:50051", 1))
        .await;
    assert!(matches!(gone, Err(RegistrarError::Gone)), "{gone:?}");
}

#[tokio::test]
async fn any_registrar_renews_and_without_a_renewal_it_ends() {
    let (etcd, one) = started().await;
    let another = EtcdRegistrar::new(etcd.config()).await.unwrap();
    let registered = register(&one, "a", "10.0.0.1:1").await;
    let handle = Handle::new(registered.handle.as_bytes()).unwrap();
    let start = tokio::time::Instant::now();
    while start.elapsed() < TTL * 2 {
        assert_eq!(another.renew(&handle).await.unwrap(), TTL);
        assert!(etcd.value("services/orders/a").await.is_some());
    }
    eventually("it expires", async || {
        etcd.value("services/orders/a").await.is_none()
    })
    .await;
    assert!(matches!(
        one.renew(&handle).await,
        Err(RegistrarError::Gone)
    ));
}

#[tokio::test]
async fn another_owners_key_is_left_alone_and_no_lease_is_left_over() {
    let (etcd, registrar) = started().await;
    register(&registrar, "a", "10.0.0.1:1").await;
    etcd.put("services/orders/hand", &value("10.0.0.9:1", 5))
        .await;
    etcd.put("services/orders/junk", "junk").await;
    for id in ["a", "hand", "junk"] {
        let before = etcd.value(&format!("services/orders/{id}")).await;
        let taken = registrar
            .register(&registration(id, "10.0.0.2:1", 1), TTL)
            .await;
        assert!(
            matches!(taken, Err(RegistrarError::Taken { .. })),
            "{taken:?}"
        );
        assert_eq!(etcd.value(&format!("services/orders/{id}")).await, before);
    }
    assert_eq!(etcd.leases().await, 1);
}

fn claim(secret: u8, request: u8) -> Claim {
    Claim::received(&[secret; 16], &[request; 16]).unwrap()
}

#[tokio::test]
async fn an_owner_takes_over_its_own_key_and_an_old_handle_ends_nothing() {
    let (etcd, registrar) = started().await;
    let it = registration("a", "10.0.0.1:1", 7);
    let old = registrar.claim(&it, TTL, &claim(1, 1)).await.unwrap();
    let new = registrar.claim(&it, TTL, &claim(1, 2)).await.unwrap();
    let update = registrar.update(&old.handle, &it).await;
    assert!(matches!(update, Err(RegistrarError::Gone)), "{update:?}");
    let renewed = registrar.renew(&old.handle).await;
    assert!(matches!(renewed, Err(RegistrarError::Gone)), "{renewed:?}");
    registrar.deregister(&old.handle).await.unwrap();
    assert_eq!(registrar.renew(&new.handle).await.unwrap(), TTL);
    assert_eq!(etcd.leases().await, 1, "the old one is cleared away");
    assert!(etcd.value("services/orders/a").await.is_some());
}

#[tokio::test]
async fn an_earlier_registration_that_is_sent_again_undoes_nothing() {
    let (etcd, registrar) = started().await;
    let another = EtcdRegistrar::new(etcd.config()).await.unwrap();
    let mut it = registration("a", "10.0.0.1:1", 7);
    let first = claim(1, 1).with_sequence(Some(1));
    let second = claim(1, 2).with_sequence(Some(2));
    let ttl = Duration::from_secs(60);
    registrar.claim(&it, ttl, &first).await.unwrap();
    let old = it.clone();
    it.weight = 9;
    let made = registrar.claim(&it, ttl, &second).await.unwrap();
    it.weight = 11;
    another.update(&made.handle, &it).await.unwrap();
    let stands = etcd.value("services/orders/a").await.unwrap();
    assert!(stands.contains(r#""owner_sequence":2"#), "{stands}");

    for registrar in [&registrar, &another] {
        let refused = registrar.claim(&old, ttl, &first).await;
        let Err(error @ RegistrarError::Outdated { .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(error.to_string().contains("sequence 2"), "{error}");
        // Its answer was lost.
        let again = registrar.claim(&it, ttl, &second).await.unwrap();
        assert_eq!(again, made);
    }
    assert_eq!(etcd.value("services/orders/a").await, Some(stands));
    assert_eq!(etcd.leases().await, 1, "it leaves nothing");

    // As a balancer from before there were sequences writes it.
    let handle = made.handle;
    registrar.deregister(&handle).await.unwrap();
    registrar.claim(&it, ttl, &claim(1, 3)).await.unwrap();
    let unsaid = etcd.value("services/orders/a").await.unwrap();
    assert!(!unsaid.contains("owner_sequence"), "{unsaid}");
    registrar.claim(&old, ttl, &first).await.unwrap();
}

#[tokio::test]
async fn a_restart_with_a_clock_that_went_back_waits_until_a_renewal_is_missed() {
    let (etcd, registrar) = started().await;
    let it = registration("a", "10.0.0.1:1", 7);
    let run = |secret, sequence| {
        let claim = claim(secret, 1).with_sequence(Some(sequence));
        claim.with_identity(Some("spiffe://x/a".into()))
    };
    let ttl = Duration::from_secs(4);
    registrar.claim(&it, ttl, &run(1, 9)).await.unwrap();
    let refused = registrar.claim(&it, ttl, &run(2, 8)).await;
    assert!(
        matches!(refused, Err(RegistrarError::Outdated { .. })),
        "{refused:?}"
    );
    eventually("it takes over what is not renewed", async || {
        assert!(etcd.value("services/orders/a").await.is_some(), "no gap");
        registrar.claim(&it, ttl, &run(2, 8)).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn nobody_takes_over_a_registration_while_it_is_renewed() {
    let (etcd, registrar) = started().await;
    let ttl = Duration::from_secs(4);
    let it = registration("a", "10.0.0.1:1", 7);
    let known = |secret, identity: &str| claim(secret, 1).with_identity(Some(identity.into()));
    let owner = registrar
        .claim(&it, ttl, &known(1, "spiffe://x/a"))
        .await
        .unwrap();
    let start = tokio::time::Instant::now();
    while start.elapsed() < ttl {
        for rival in [claim(2, 1), known(3, "spiffe://x/b")] {
            let taken = registrar.claim(&it, ttl, &rival).await;
            let Err(error @ RegistrarError::Taken { .. }) = taken else {
                panic!("{taken:?}");
            };
            let said = error.to_string();
            assert!(said.contains("spiffe://x/a, at 10.0.0.1:1"), "{said}");
        }
        registrar.renew(&owner.handle).await.unwrap();
    }
    assert_eq!(etcd.leases().await, 1, "no rival left anything");
    // Restarted, with another secret and the same certificate.
    registrar
        .claim(&it, ttl, &known(4, "spiffe://x/a"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_restarted_backend_has_its_key_again_before_it_ends() {
    let (etcd, registrar) = started().await;
    let ttl = Duration::from_secs(4);
    let it = registration("a", "10.0.0.1:1", 7);
    let old = registrar.claim(&it, ttl, &claim(1, 1)).await.unwrap();
    eventually("it takes over what is not renewed", async || {
        assert!(etcd.value("services/orders/a").await.is_some(), "no gap");
        registrar.claim(&it, ttl, &claim(2, 1)).await.is_ok()
    })
    .await;
    let renewed = registrar.renew(&old.handle).await;
    assert!(matches!(renewed, Err(RegistrarError::Gone)), "{renewed:?}");
    // The two do not go on for ever: whoever has it keeps it.
    let taken = registrar.claim(&it, ttl, &claim(1, 2)).await;
    assert!(
        matches!(taken, Err(RegistrarError::Taken { .. })),
        "{taken:?}"
    );
}

#[tokio::test]
async fn a_request_of_which_the_answer_was_lost_is_answered_again() {
    let (etcd, registrar) = started().await;
    let another = EtcdRegistrar::new(etcd.config()).await.unwrap();
    let mut it = registration("a", "10.0.0.1:1", 7);
    let first = registrar.claim(&it, TTL, &claim(1, 1)).await.unwrap();
    it.weight = 9;
    registrar.update(&first.handle, &it).await.unwrap();
    let before = etcd.value("services/orders/a").await;
    it.weight = 7;
    let again = another.claim(&it, TTL, &claim(1, 1)).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(
        etcd.value("services/orders/a").await,
        before,
        "as it stands"
    );
    assert_eq!(etcd.leases().await, 1);

    // The key is lost, and the lease is not: as after half a request.
    etcd.delete("services/orders/a").await;
    let half = registrar.claim(&it, TTL, &claim(1, 1)).await.unwrap();
    assert_eq!((half, etcd.leases().await), (first, 1));
    assert!(etcd.value("services/orders/a").await.is_some());
}

#[tokio::test]
async fn what_was_registered_without_a_balancer_is_never_taken_over() {
    let (etcd, registrar) = started().await;
    let mut client = etcd.client().await;
    // As etcd's own naming package does it, and as an operator does.
    let lease = client.lease_grant(60, None).await.unwrap().id();
    let leased = PutOptions::new().with_lease(lease);
    let by_package = r#"{"Op":0,"Addr":"10.0.0.1:1","Metadata":null}"#;
    client
        .put("services/orders/a", by_package, Some(leased))
        .await
        .unwrap();
    etcd.put("services/orders/b", &value("10.0.0.1:1", 5)).await;
    for id in ["a", "b"] {
        let before = etcd.value(&format!("services/orders/{id}")).await;
        let taken = registrar
            .register(&registration(id, "10.0.0.1:1", 1), TTL)
            .await;
        let said = taken.unwrap_err().to_string();
        assert!(said.contains("without a balancer, at 10.0.0.1:1"), "{said}");
        assert_eq!(etcd.value(&format!("services/orders/{id}")).await, before);
    }
}

#[tokio::test]
async fn a_key_deleted_by_hand_is_gone_although_its_lease_lives() {
    let (etcd, registrar) = started().await;
    let registered = register(&registrar, "a", "10.0.0.1:1").await;
    etcd.delete("services/orders/a").await;
    let renewed = registrar.renew(&registered.handle).await;
    assert!(matches!(renewed, Err(RegistrarError::Gone)), "{renewed:?}");
    register(&registrar, "a", "10.0.0.1:1").await;
}

#[tokio::test]
async fn a_key_that_was_edited_by_hand_is_its_owners_again() {
    let (etcd, registrar) = started().await;
    let it = registration("a", "10.0.0.1:1", 7);
    let old = registrar.claim(&it, TTL, &claim(1, 1)).await.unwrap();
    // Without a lease, as etcdctl does it: it would outlive its backend.
    let edited = etcd.value("services/orders/a").await.unwrap();
    let edited = edited.replace(r#""weight":7"#, r#""weight":5"#);
    etcd.put("services/orders/a", &edited).await;
    let renewed = registrar.renew(&old.handle).await;
    assert!(matches!(renewed, Err(RegistrarError::Gone)), "{renewed:?}");
    // Even with another secret: nobody renews it.
    let new = registrar.claim(&it, TTL, &claim(2, 1)).await.unwrap();
    assert_eq!(registrar.renew(&new.handle).await.unwrap(), TTL);
    registrar.deregister(&new.handle).await.unwrap();
    assert_eq!(etcd.value("services/orders/a").await, None);
}

#[tokio::test]
async fn a_caller_that_gives_up_meets_another_member_the_next_time() {
    let etcd = Etcd::start().await;
    let silent = Proxy::to(etcd.client_port).await;
    silent.set(Mode::Hold);
    let mut config = config(silent.address);
    config.endpoints = vec![silent.address.into(); 7];
    config.endpoints.push(etcd.client_port.into());
    // It would give a member this long; its caller gives it a fraction.
    config.timings.read = Duration::from_secs(60);
    let registrar = EtcdRegistrar::new(config).await.unwrap();
    let mut given_up = 0;
    eventually("it registers", async || {
        let registration = registration("a", "10.0.0.1:1", 1);
        let registered = registrar.register(&registration, TTL);
        let registered = tokio::time::timeout(Duration::from_millis(500), registered).await;
        given_up += u32::from(registered.is_err());
        matches!(registered, Ok(Ok(_)))
    })
    .await;
    assert!(given_up <= 7, "{given_up} times given up");
}

/// A handle that no registrar made.
fn forged(lease: i64, key: &str) -> Handle {
    let head = [&[1][..], &lease.to_be_bytes(), &60u32.to_be_bytes()].concat();
    Handle::new(&[&head, key.as_bytes()].concat()).unwrap()
}

#[tokio::test]
async fn a_handle_from_elsewhere_does_nothing() {
    let (etcd, registrar) = started().await;
    let mut client = etcd.client().await;
    let lease = client.lease_grant(60, None).await.unwrap().id();
    register(&registrar, "a", "10.0.0.1:1").await;
    for handle in [
        forged(lease, "services/orders/a"),
        forged(lease, "other/key"),
        Handle::new(b"x").unwrap(),
    ] {
        registrar.deregister(&handle).await.unwrap();
        let update = registrar
            .update(&handle, &registration("a", "10.0.0.1:1", 1))
            .await;
        assert!(matches!(update, Err(RegistrarError::Gone)), "{update:?}");
    }
    assert_eq!(etcd.leases().await, 2);
    assert!(etcd.value("services/orders/a").await.is_some());
}

#[tokio::test]
async fn no_handle_ends_what_was_registered_without_a_balancer() {
    let (etcd, registrar) = started().await;
    let (by_hand, by_package) = ("services/orders/hand", "services/orders/package");
    etcd.put(by_hand, &value("10.0.0.9:1", 5)).await;
    let lease = etcd
        .put_leased(by_package, &value("10.0.0.8:1", 5), 60)
        .await;
    // A key without a lease has lease 0 where etcd compares leases.
    for handle in [forged(0, by_hand), forged(lease, by_package)] {
        registrar.deregister(&handle).await.unwrap();
    }
    assert!(etcd.value(by_hand).await.is_some());
    assert!(etcd.value(by_package).await.is_some());
}

#[tokio::test]
async fn no_handle_keeps_a_lease_that_is_not_of_its_backend() {
    let (etcd, registrar) = started().await;
    register(&registrar, "a", "10.0.0.1:1").await;
    let others = etcd.put_leased("lock", "mine", 1).await;
    eventually("the lease ends", async || {
        for key in ["services/orders/a", "services/orders/none"] {
            let renewed = registrar.renew(&forged(others, key)).await;
            assert!(matches!(renewed, Err(RegistrarError::Gone)), "{renewed:?}");
        }
        etcd.value("lock").await.is_none()
    })
    .await;
}

#[tokio::test]
async fn invalid_requests_are_refused_before_etcd_is_asked() {
    let (mut etcd, registrar) = started().await;
    etcd.kill();
    for (registration, ttl) in [
        (registration("a", "0.0.0.0:1", 1), TTL),
        (registration("a", "10.0.0.1:1", 1), Duration::ZERO),
    ] {
        let refused = registrar.register(&registration, ttl).await;
        assert!(
            matches!(refused, Err(RegistrarError::Invalid(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn an_unreachable_etcd_is_unavailable_within_bounds_and_comes_back() {
    let etcd = Etcd::start().await;
    let proxy = Proxy::to(etcd.client_port).await;
    let registrar = EtcdRegistrar::new(config(proxy.address)).await.unwrap();
    let registered = register(&registrar, "a", "10.0.0.1:1").await;
    for mode in [Mode::Refuse, Mode::Hold] {
        proxy.set(mode);
        let renewed = registrar.renew(&registered.handle).await;
        assert!(
            matches!(renewed, Err(RegistrarError::Unavailable(_))),
            "{renewed:?}"
        );
    }
    proxy.set(Mode::Forward);
    eventually("it registers again", async || {
        let it = registration("a", "10.0.0.1:1", 1);
        registrar.register(&it, TTL).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn one_of_many_rivals_wins_a_key() {
    let (etcd, registrar) = started().await;
    let registrar = Arc::new(registrar);
    let mut rivals = tokio::task::JoinSet::new();
    for n in 1..=20 {
        let registrar = Arc::clone(&registrar);
        rivals.spawn(async move {
            let it = registration("a", &format!("10.0.0.{n}:1"), n);
            registrar.register(&it, TTL).await
        });
    }
    let results = rivals.join_all().await;
    assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 1);
    assert_eq!(etcd.leases().await, 1);
    let mut followed = Followed::start(etcd.config()).await;
    let state = followed.until_synced().await;
    assert_eq!(weights(&state, "orders").len(), 1);
}
