use std::time::Duration;

use lookaside_core::BackendState;
use tokio::time::{Instant, advance};

use super::*;
use crate::{Claim, DEFAULT_TTL, Freshness};

fn registration(id: &str) -> Registration {
    Registration {
        service: "orders".parse().unwrap(),
        id: id.parse().unwrap(),
        address: "10.0.0.1:50051".parse().unwrap(),
        weight: 100,
        zone: None,
        state: BackendState::Serving,
    }
}

fn ids(state: &RegistryState) -> Vec<&str> {
    let service = state.backends.as_ref().unwrap().services.get("orders");
    let backends = service.map_or(&[][..], |service| &service.backends);
    backends.iter().map(|it| it.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn it_is_complete_and_empty_from_the_start() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let state = registry.subscribe().borrow().clone();
    assert!(state.is_complete() && ids(&state).is_empty());
    assert!(matches!(state.freshness, Freshness::Synced { .. }));
    assert_eq!(registry.url(), "memory:");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_age_while_nothing_changes_and_wakes_nobody_for_that() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let mut state = registry.subscribe();
    let hour = Duration::from_secs(3600);
    let changed = tokio::time::timeout(hour, state.changed()).await;
    assert!(changed.is_err(), "nothing changed");
    let Freshness::Synced { as_of } = state.borrow().freshness else {
        panic!("{:?}", state.borrow().freshness);
    };
    assert!(as_of.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_published_before_the_caller_hears_of_it() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let state = registry.subscribe();
    let registrar = registry.registrar().unwrap();
    let made = registrar.register(&registration("a"), DEFAULT_TTL).await;
    let handle = made.unwrap().handle;
    assert_eq!(ids(&state.borrow()), ["a"]);

    let draining = Registration {
        state: BackendState::Draining,
        ..registration("a")
    };
    registrar.update(&handle, &draining).await.unwrap();
    let seen = state.borrow().backends.clone().unwrap();
    let backend = &seen.services["orders"].backends[0];
    assert_eq!(backend.state, BackendState::Draining);

    registrar.deregister(&handle).await.unwrap();
    assert!(ids(&state.borrow()).is_empty());
    registrar.deregister(&handle).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_stops_renewing_leaves_when_its_time_is_over() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let mut state = registry.subscribe();
    let registrar = registry.registrar().unwrap();
    let made = registrar.register(&registration("a"), DEFAULT_TTL).await;
    let handle = made.unwrap().handle;
    state.mark_unchanged();

    advance(DEFAULT_TTL / 2).await;
    assert_eq!(registrar.renew(&handle).await.unwrap(), DEFAULT_TTL);
    assert!(!state.has_changed().unwrap(), "a renewal is no change");

    let renewed = Instant::now();
    state.changed().await.unwrap();
    assert!(ids(&state.borrow()).is_empty());
    let lived = renewed.elapsed();
    assert!(lived >= DEFAULT_TTL && lived < DEFAULT_TTL + Duration::from_millis(10));
    assert!(matches!(
        registrar.renew(&handle).await,
        Err(RegistrarError::Gone)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_is_refused_with_what_is_wrong() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let registrar = registry.registrar().unwrap();
    let wildcard = Registration {
        address: "0.0.0.0:1".parse().unwrap(),
        ..registration("a")
    };
    let error = registrar.register(&wildcard, DEFAULT_TTL).await;
    assert!(error.unwrap_err().to_string().contains("0.0.0.0:1"));
    let error = registrar.register(&registration("a"), Duration::ZERO).await;
    assert!(error.unwrap_err().to_string().contains("time to live"));
    let unknown = Handle::new(b"never issued").unwrap();
    assert!(matches!(
        registrar.renew(&unknown).await,
        Err(RegistrarError::Gone)
    ));
}

#[tokio::test(start_paused = true)]
async fn every_handle_is_another() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let registrar = registry.registrar().unwrap();
    let mut handles = std::collections::HashSet::new();
    let mut claim = Claim::new().unwrap();
    for _ in 0..100 {
        let registration = registration("a");
        let made = registrar.claim(&registration, DEFAULT_TTL, &claim).await;
        claim = claim.another().unwrap();
        let handle = made.unwrap().handle;
        assert_eq!(handle.as_bytes().len(), 16);
        assert!(handles.insert(handle));
    }
}

#[tokio::test(start_paused = true)]
async fn settings_come_and_go() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let state = registry.subscribe();
    let orders: ServiceName = "orders".parse().unwrap();
    let mut settings = Settings::default();
    settings.fallback = true;
    registry
        .set_settings(orders.clone(), settings)
        .await
        .unwrap();
    let seen = state.borrow().settings.clone().unwrap();
    assert!(seen.services["orders"].settings.fallback);
    registry.clear_settings(orders).await.unwrap();
    let seen = state.borrow().settings.clone().unwrap();
    assert!(seen.services.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_held_can_be_restored_elsewhere() {
    let first = MemoryRegistry::new(MemoryLimits::default());
    let registrar = first.registrar().unwrap();
    let made = registrar.register(&registration("a"), DEFAULT_TTL).await;
    let handle = made.unwrap().handle;
    let held = first.held().await.unwrap();

    let second = MemoryRegistry::new(MemoryLimits::default());
    assert_eq!(second.restore(held).await.unwrap(), 1);
    assert_eq!(ids(&second.subscribe().borrow()), ["a"]);
    let registrar = second.registrar().unwrap();
    assert_eq!(registrar.renew(&handle).await.unwrap(), DEFAULT_TTL);
}

#[tokio::test(start_paused = true)]
async fn a_registrar_that_outlives_its_registry_says_so() {
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let registrar = registry.registrar().unwrap();
    drop(registry);
    let error = registrar.register(&registration("a"), DEFAULT_TTL).await;
    assert!(matches!(error, Err(RegistrarError::Unavailable(_))));
}
