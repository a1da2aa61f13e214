use lookaside_core::BackendState;

use super::*;
use crate::{Claim, RegistryState};

const TTL: Duration = Duration::from_secs(10);

fn registration(service: &str, id: &str, address: &str) -> Registration {
    Registration {
        service: service.parse().unwrap(),
        id: id.parse().unwrap(),
        address: address.parse().unwrap(),
        weight: 100,
        zone: None,
        state: BackendState::Serving,
    }
}

fn handle(number: u8) -> Handle {
    Handle::new(&[number]).unwrap()
}

/// A table, and the state published last.
struct Fixture {
    table: Table,
    state: RegistryState,
    now: Instant,
}

impl Fixture {
    fn new(limits: MemoryLimits) -> Self {
        let now = Instant::now();
        Self {
            table: Table::new(limits),
            state: RegistryState::connecting(now),
            now,
        }
    }

    /// By one and the same owner.
    fn register(&mut self, it: &Registration, number: u8) -> Result<(), RegistrarError> {
        self.register_as(1, it, number)
    }

    fn register_as(
        &mut self,
        secret: u8,
        it: &Registration,
        number: u8,
    ) -> Result<(), RegistrarError> {
        let claim = Claim::received(&[secret; 16], &[1; 16]).unwrap();
        let owner = Some(claim.owner(&it.service, &it.id));
        let ttl = self
            .table
            .register(self.now, it, TTL, handle(number), owner)?;
        assert_eq!(ttl, TTL);
        Ok(())
    }

    fn publish(&mut self) -> bool {
        let published = self.table.publish(&self.state, self.now);
        let any = published.is_some();
        self.state = published.unwrap_or_else(|| self.state.clone());
        any
    }

    fn ids(&mut self, service: &str) -> Vec<String> {
        self.publish();
        let snapshot = self.state.backends.clone().unwrap_or_default();
        let service = snapshot.services.get(service);
        service.map_or_else(Vec::new, |service| {
            let ids = service.backends.iter().map(|it| it.id.to_string());
            ids.collect()
        })
    }
}

#[test]
fn a_registration_lasts_until_its_time_to_live_is_over_without_a_renewal() {
    let mut it = Fixture::new(MemoryLimits::default());
    it.register(&registration("orders", "b", "h:2"), 2).unwrap();
    it.register(&registration("orders", "a", "h:1"), 1).unwrap();
    assert_eq!(it.ids("orders"), ["a", "b"]);

    let half = it.now + TTL / 2;
    assert_eq!(it.table.renew(half, &handle(1)).unwrap(), TTL);
    assert_eq!(it.table.next_expiry(), Some(it.now + TTL));

    it.table.expire(it.now + TTL - Duration::from_millis(1));
    assert_eq!(it.ids("orders"), ["a", "b"]);
    it.table.expire(it.now + TTL);
    assert_eq!(it.ids("orders"), ["a"]);
    assert_eq!(it.table.next_expiry(), Some(half + TTL));

    it.table.expire(half + TTL);
    assert!(it.ids("orders").is_empty());
    assert_eq!(it.table.next_expiry(), None);
    assert!(matches!(
        it.table.renew(half + TTL, &handle(1)),
        Err(RegistrarError::Gone)
    ));
}

#[test]
fn nothing_is_left_behind_by_what_has_ended() {
    let mut it = Fixture::new(MemoryLimits::default());
    for round in 0..100 {
        let address = format!("h:{}", round + 1);
        it.register(&registration("orders", "a", &address), round)
            .unwrap();
        it.register(&registration("orders", "a", &address), round + 100)
            .unwrap();
        it.table.deregister(&handle(round + 100));
    }
    it.publish();
    let Table {
        services,
        by_handle,
        expiries,
        written,
        ..
    } = &it.table;
    assert!(services.is_empty() && by_handle.is_empty());
    assert!(expiries.is_empty() && written.is_empty());
}

#[test]
fn an_owner_that_comes_back_takes_its_id_over() {
    let mut it = Fixture::new(MemoryLimits::default());
    let mut backend = registration("orders", "a", "h:1");
    it.register(&backend, 1).unwrap();
    it.publish();
    it.register(&backend, 2).unwrap();
    assert!(!it.publish(), "a backend that says the same is no change");

    assert!(matches!(
        it.table.renew(it.now, &handle(1)),
        Err(RegistrarError::Gone)
    ));
    it.table.deregister(&handle(1));
    assert_eq!(it.ids("orders"), ["a"]);

    backend.weight = 1;
    it.register(&backend, 3).unwrap();
    assert!(it.publish());
}

#[test]
fn a_live_id_is_never_moved_to_somebody_elses_address() {
    let mut it = Fixture::new(MemoryLimits::default());
    it.register(&registration("orders", "a", "h:1"), 1).unwrap();
    let elsewhere = registration("orders", "a", "h:2");
    let error = it.register_as(2, &elsewhere, 2).unwrap_err();
    assert!(matches!(error, RegistrarError::Taken { .. }), "{error}");
    assert!(error.to_string().contains("h:1"), "{error}");
    it.now += TTL - Duration::from_millis(1);
    let error = it.register_as(2, &elsewhere, 2).unwrap_err();
    assert!(matches!(error, RegistrarError::Taken { .. }), "{error}");
    assert!(it.table.renew(it.now, &handle(1)).is_ok());

    // The same id in another service is somebody else.
    it.register(&registration("carts", "a", "h:2"), 3).unwrap();

    // Over, though nobody has cleared it away yet.
    it.now += TTL;
    it.register_as(2, &elsewhere, 4).unwrap();
    it.table.expire(it.now);
    assert_eq!(it.ids("orders"), ["a"]);
}

#[test]
fn a_live_registration_is_taken_over_by_nobody_while_it_is_renewed() {
    let mut it = Fixture::new(MemoryLimits::default());
    let backend = registration("orders", "a", "h:1");
    it.register_as(1, &backend, 1).unwrap();
    for _ in 0..10 {
        it.now += TTL / 3;
        let error = it.register_as(2, &backend, 2).unwrap_err();
        assert!(matches!(error, RegistrarError::Taken { .. }), "{error}");
        it.table.renew(it.now, &handle(1)).unwrap();
    }
    // It was restarted, and has another secret now: it need not wait for the end.
    it.now += TTL / 2;
    it.register_as(2, &backend, 2).unwrap();
    let old = it.table.renew(it.now, &handle(1));
    assert!(matches!(old, Err(RegistrarError::Gone)));
    // The old one, if it lives after all, waits as anybody else.
    it.register_as(1, &backend, 3).unwrap_err();
}

#[test]
fn a_request_that_comes_twice_is_one_registration_as_it_stands() {
    let mut it = Fixture::new(MemoryLimits::default());
    let mut backend = registration("orders", "a", "h:1");
    it.register(&backend, 1).unwrap();
    backend.state = BackendState::Draining;
    it.table.update(&handle(1), &backend).unwrap();
    it.publish();
    it.now += TTL / 2;
    backend.state = BackendState::Serving;
    it.register(&backend, 1).unwrap();
    assert!(!it.publish(), "an old request does not undo a drain");
    assert_eq!(it.table.next_expiry(), Some(it.now + TTL));
    it.table.deregister(&handle(1));
    assert!(it.ids("orders").is_empty());
}

#[test]
fn an_earlier_registration_that_is_sent_again_undoes_nothing() {
    let mut it = Fixture::new(MemoryLimits::default());
    let mut backend = registration("orders", "a", "h:1");
    let (service, id) = (backend.service.clone(), backend.id.clone());
    let first = Claim::received(&[1; 16], &[1; 16]).unwrap();
    let first = first.with_sequence(Some(1));
    let second = first.another().unwrap();
    let owner = |claim: &Claim| Some(claim.owner(&service, &id));
    let mut register = |at, backend: &Registration, number, claim| {
        it.table
            .register(at, backend, TTL, handle(number), owner(claim))
    };
    let now = it.now;
    let before = backend.clone();
    register(now, &before, 1, &first).unwrap();
    backend.weight = 7;
    register(now, &backend, 2, &second).unwrap();
    // Nor once a renewal is missed: one run of an owner does not go back.
    for at in [now, now + TTL - Duration::from_millis(1)] {
        let error = register(at, &before, 1, &first).unwrap_err();
        assert!(matches!(error, RegistrarError::Outdated { .. }), "{error}");
    }
    // The answer was lost, and the request comes again.
    register(now, &backend, 2, &second).unwrap();
    register(now, &backend, 3, &second).unwrap();
    let old = register(now, &before, 1, &first).unwrap_err();
    assert!(old.to_string().contains("sequence 2"), "{old}");
    // What has ended stands in nobody's way.
    register(now + TTL, &before, 4, &first).unwrap();
}

#[test]
fn what_was_restored_belongs_to_its_handle_and_yields_as_the_restarted_do() {
    let mut it = Fixture::new(MemoryLimits::default());
    let backend = registration("orders", "a", "h:1");
    it.register(&backend, 1).unwrap();
    let held = it.table.held();
    let mut new = Fixture::new(MemoryLimits::default());
    assert_eq!(new.table.restore(new.now, held), 1);
    new.register_as(2, &backend, 2).unwrap_err();
    new.table.renew(new.now, &handle(1)).unwrap();
    new.now += TTL / 2;
    new.register_as(2, &backend, 2).unwrap();
}

#[test]
fn an_update_changes_weight_zone_and_state_and_nothing_else() {
    let mut it = Fixture::new(MemoryLimits::default());
    let backend = registration("orders", "a", "h:1");
    it.register(&backend, 1).unwrap();
    it.publish();

    let changed = Registration {
        weight: 7,
        zone: Some("z".into()),
        state: BackendState::Draining,
        ..backend.clone()
    };
    it.table.update(&handle(1), &changed).unwrap();
    assert!(it.publish());
    let snapshot = it.state.backends.clone().unwrap();
    let seen = &snapshot.services["orders"].backends[0];
    assert_eq!((seen.weight, seen.state), (7, BackendState::Draining));
    assert_eq!(seen.zone.as_deref(), Some("z"));
    assert_eq!((seen.revision, &*seen.key), (snapshot.revision, "orders/a"));

    for (other, what) in [
        (registration("carts", "a", "h:1"), "service"),
        (registration("orders", "b", "h:1"), "id"),
        (registration("orders", "a", "h:2"), "address"),
    ] {
        let error = it.table.update(&handle(1), &other).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    assert!(!it.publish());
    assert!(matches!(
        it.table.update(&handle(9), &backend),
        Err(RegistrarError::Gone)
    ));
}

#[test]
fn the_limits_are_named_when_they_are_reached() {
    let mut it = Fixture::new(MemoryLimits {
        registrations: 3,
        per_service: 2,
    });
    it.register(&registration("orders", "a", "h:1"), 1).unwrap();
    it.register(&registration("orders", "b", "h:2"), 2).unwrap();
    let error = it.register(&registration("orders", "c", "h:3"), 3);
    assert_eq!(
        error.unwrap_err().to_string(),
        "registrations of service orders: the limit of 2 is reached"
    );
    it.register(&registration("carts", "a", "h:3"), 3).unwrap();
    let error = it.register(&registration("carts", "b", "h:4"), 4);
    assert_eq!(
        error.unwrap_err().to_string(),
        "registrations: the limit of 3 is reached"
    );

    // What is there may be taken over, and what goes makes room.
    it.register(&registration("carts", "a", "h:3"), 5).unwrap();
    it.table.deregister(&handle(1));
    it.register(&registration("carts", "b", "h:4"), 6).unwrap();
}

#[test]
fn services_that_did_not_change_are_shared_between_states() {
    let mut it = Fixture::new(MemoryLimits::default());
    it.register(&registration("orders", "a", "h:1"), 1).unwrap();
    it.register(&registration("carts", "a", "h:2"), 2).unwrap();
    it.publish();
    let before = it.state.clone();
    let carts = "carts".parse::<ServiceName>().unwrap();

    it.register(&registration("orders", "b", "h:3"), 3).unwrap();
    assert!(it.publish());
    let (old, new) = (before.backends.unwrap(), it.state.backends.clone().unwrap());
    assert!(new.revision > old.revision);
    assert!(Arc::ptr_eq(&old.services["carts"], &new.services["carts"]));
    assert!(!Arc::ptr_eq(
        &old.services["orders"],
        &new.services["orders"]
    ));

    let mut settings = Settings::default();
    settings.fallback = true;
    it.table
        .set_settings(carts.clone(), settings.clone())
        .unwrap();
    assert!(it.publish());
    assert!(Arc::ptr_eq(&new, it.state.backends.as_ref().unwrap()));
    let set = it.state.settings.clone().unwrap();
    assert_eq!(set.services["carts"].settings, settings);

    it.table.set_settings(carts.clone(), settings).unwrap();
    assert!(!it.publish(), "the same settings again are no change");
    it.table.clear_settings(&carts);
    assert!(it.publish());
    assert!(it.state.settings.clone().unwrap().services.is_empty());
}

#[test]
fn what_comes_and_goes_between_two_publications_is_no_change() {
    let mut it = Fixture::new(MemoryLimits::default());
    it.register(&registration("orders", "a", "h:1"), 1).unwrap();
    it.publish();
    it.register(&registration("orders", "b", "h:2"), 2).unwrap();
    it.register(&registration("carts", "b", "h:2"), 3).unwrap();
    it.table.deregister(&handle(2));
    it.table.deregister(&handle(3));
    assert!(!it.publish());
}

#[test]
fn what_was_held_is_restored_for_its_whole_time_to_live() {
    let mut it = Fixture::new(MemoryLimits::default());
    it.register(&registration("orders", "a", "h:1"), 1).unwrap();
    it.register(&registration("orders", "b", "h:2"), 2).unwrap();
    let held = it.table.held();

    let mut other = Fixture::new(MemoryLimits::default());
    other.now += 10 * TTL;
    other
        .register(&registration("orders", "b", "h:9"), 9)
        .unwrap();
    let mut bad = held.clone();
    bad[0].registration.id = "c".parse().unwrap();
    bad[0].handle = handle(7);
    bad[0].ttl = Duration::ZERO;
    assert_eq!(other.table.restore(other.now, held), 1);
    assert_eq!(other.table.restore(other.now, bad), 0);
    assert_eq!(other.ids("orders"), ["a", "b"]);
    assert!(other.table.renew(other.now, &handle(1)).is_ok());
    assert!(other.table.renew(other.now, &handle(9)).is_ok());
    assert!(other.table.renew(other.now, &handle(2)).is_err());
    assert_eq!(other.table.next_expiry(), Some(other.now + TTL));
}
