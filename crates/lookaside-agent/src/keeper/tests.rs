use lookaside_core::{BackendId, BackendState, ServiceName};

use super::*;

fn wanted(weight: u32) -> Registration {
    Registration {
        service: ServiceName::new("orders").unwrap(),
        id: BackendId::new("a").unwrap(),
        address: "10.0.0.1:80".parse().unwrap(),
        weight,
        zone: None,
        state: BackendState::Serving,
    }
}

fn handle(n: u8) -> Handle {
    Handle::new(&[n]).unwrap()
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn unavailable() -> RegistrarError {
    RegistrarError::Unavailable("no".into())
}

/// A keeper that registered at `now` for 9 s.
fn held(now: Instant) -> Keeper {
    let mut keeper = Keeper::default();
    let made = Registered {
        handle: handle(1),
        ttl: seconds(9),
    };
    keeper.registered(made, wanted(1), now);
    keeper
}

#[test]
fn it_registers_at_once_and_renews_at_a_third_of_what_was_granted() {
    let now = Instant::now();
    assert_eq!(
        Keeper::default().next(&wanted(1), now),
        (now, Step::Register)
    );

    let mut keeper = held(now);
    let renew = Step::Renew(handle(1));
    assert_eq!(
        keeper.next(&wanted(1), now),
        (now + seconds(3), renew.clone())
    );
    keeper.renewed(seconds(30), now + seconds(3));
    assert_eq!(keeper.next(&wanted(1), now), (now + seconds(13), renew));
    assert!(keeper.is_alive(now + seconds(32)));
    assert!(!keeper.is_alive(now + seconds(33)));
}

#[test]
fn a_change_is_written_at_once_but_never_starves_a_renewal() {
    let now = Instant::now();
    let mut rng = Rng::with_seed(1);
    let mut keeper = held(now);
    assert_eq!(keeper.next(&wanted(2), now), (now, Step::Update(handle(1))));
    keeper.failed(&unavailable(), now, &mut rng);
    let (at, step) = keeper.next(&wanted(2), now);
    assert_eq!(step, Step::Update(handle(1)));
    assert!(at > now && at <= now + BACKOFF.initial * 2);

    let late = now + seconds(3);
    assert_eq!(keeper.next(&wanted(2), late).1, Step::Renew(handle(1)));
    keeper.renewed(seconds(9), late);
    keeper.updated(wanted(2));
    assert_eq!(keeper.recorded(), Some(&wanted(2)));
    assert_eq!(
        keeper.next(&wanted(2), late),
        (late + seconds(3), Step::Renew(handle(1)))
    );
}

#[test]
fn failures_back_off_with_jitter_up_to_a_bound_and_a_success_forgets_them() {
    let mut rng = Rng::with_seed(2);
    let mut now = Instant::now();
    let mut keeper = Keeper::default();
    let mut waits = Vec::new();
    for _ in 0..40 {
        keeper.failed(&unavailable(), now, &mut rng);
        let (at, step) = keeper.next(&wanted(1), now);
        assert_eq!(step, Step::Register);
        waits.push(at - now);
        now = at;
    }
    assert!(waits[0] <= BACKOFF.initial * 2, "{waits:?}");
    assert!(
        waits[20..].iter().all(|wait| *wait >= seconds(1)),
        "{waits:?}"
    );
    assert!(waits.iter().all(|wait| *wait <= seconds(2)), "{waits:?}");
    assert_ne!(waits[30], waits[31], "no jitter");

    let made = Registered {
        handle: handle(1),
        ttl: seconds(9),
    };
    keeper.registered(made, wanted(1), now);
    keeper.failed(&unavailable(), now, &mut rng);
    assert!(keeper.next(&wanted(1), now).0 <= now + BACKOFF.initial * 2);
}

#[test]
fn an_outage_longer_than_the_time_to_live_is_waited_out_by_renewing() {
    let now = Instant::now();
    let mut rng = Rng::with_seed(3);
    let mut keeper = held(now);
    keeper.failed(&unavailable(), now + seconds(60), &mut rng);
    // The registry may have kept it: only its word makes it gone.
    assert_eq!(
        keeper.next(&wanted(1), now + seconds(60)).1,
        Step::Renew(handle(1))
    );
    assert!(!keeper.is_alive(now + seconds(60)));
}

#[test]
fn what_is_gone_is_registered_again_at_once() {
    let now = Instant::now();
    let mut rng = Rng::with_seed(4);
    let mut keeper = held(now);
    keeper.failed(&unavailable(), now, &mut rng);
    keeper.failed(&RegistrarError::Gone, now, &mut rng);
    assert_eq!(keeper.next(&wanted(1), now), (now, Step::Register));
    // A registry that answers Gone to a registration makes no sense, and no hot loop.
    keeper.failed(&RegistrarError::Gone, now, &mut rng);
    assert!(keeper.next(&wanted(1), now).0 > now);
}

#[test]
fn a_lost_connection_brings_the_renewal_forward() {
    let now = Instant::now();
    let mut rng = Rng::with_seed(5);
    let mut keeper = held(now);
    keeper.nudged(now, &mut rng);
    let (at, step) = keeper.next(&wanted(1), now);
    assert_eq!(step, Step::Renew(handle(1)));
    assert!(at <= now + NUDGE_SPREAD);
    // It never postpones one.
    keeper.nudged(now + seconds(10), &mut rng);
    assert_eq!(keeper.next(&wanted(1), now).0, at);
}

#[test]
fn a_grant_of_nothing_is_no_hot_loop() {
    let now = Instant::now();
    let mut keeper = held(now);
    keeper.renewed(Duration::ZERO, now);
    assert_eq!(keeper.next(&wanted(1), now).0, now + MIN_TTL / 3);
}
