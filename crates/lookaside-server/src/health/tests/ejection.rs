use std::{collections::HashSet, num::NonZeroU32, time::Duration};

use lookaside_core::HealthCheck;
use tokio::time::{Instant, sleep};

use super::fleet::{Answer, World, addr, backends, usual};

/// From the moment a backend falls silent until it is ejected, at most: its failures, an
/// interval and a tenth apart, the last one's timeout, and the wait to publish.
fn at_most(check: &HealthCheck) -> Duration {
    check.interval.mul_f64(1.1) * check.eject_after.get()
        + check.timeout
        + Duration::from_millis(100)
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_not_well_is_ejected_in_time_and_returns() {
    let world = World::new();
    world.check(&usual(), &backends(3));
    sleep(Duration::from_secs(60)).await;
    assert!(world.ejected().is_empty());

    world.fleet.set(addr(1), Answer::NotServing);
    let took = world.until_ejected(&[addr(1)]).await;
    assert!(took <= at_most(&usual()), "{took:?}");
    assert!(took >= usual().interval.mul_f64(0.9) * 2, "{took:?}");
    assert_eq!(
        world.ejected()[&addr(1)],
        "3 probes in a row failed, the last: it says NOT_SERVING"
    );

    world.fleet.set(addr(1), Answer::Well);
    let took = world.until_ejected(&[]).await;
    // Two successes are there before the dwell is over, which is looked at once an interval.
    assert!(took >= usual().dwell - usual().interval, "{took:?}");
    assert!(took <= usual().dwell + usual().interval * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dead_when_it_is_first_seen_begins_healthy_and_does_not_dwell() {
    let world = World::new();
    world.fleet.set(addr(0), Answer::Silence);
    world.check(&usual(), &backends(2));
    let took = world.until_ejected(&[addr(0)]).await;
    assert!(
        took >= usual().interval * 2 - Duration::from_secs(1),
        "{took:?}"
    );
    assert!(took <= at_most(&usual()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_flaps_is_left_alone() {
    let world = World::new();
    world.check(&usual(), &backends(1));
    let mut seen = world.verdicts.clone();
    for round in 0..200 {
        let answer = [Answer::Silence, Answer::Well][round % 2];
        world.fleet.set(addr(0), answer);
        let probes = world.fleet.asked(addr(0)).len();
        while world.fleet.asked(addr(0)).len() == probes {
            sleep(Duration::from_millis(500)).await;
        }
        sleep(usual().timeout).await;
    }
    assert!(!seen.has_changed().unwrap());
    seen.mark_unchanged();
}

#[tokio::test(start_paused = true)]
async fn what_the_balancer_cannot_ask_counts_neither_way() {
    let world = World::new();
    world.check(&usual(), &backends(2));
    world.fleet.set(addr(0), Answer::Local);
    sleep(Duration::from_secs(120)).await;
    assert!(world.fleet.asked(addr(0)).len() > 20);
    assert!(world.ejected().is_empty());

    world.fleet.set(addr(0), Answer::Silence);
    world.until_ejected(&[addr(0)]).await;
    world.fleet.set(addr(0), Answer::Local);
    sleep(Duration::from_secs(120)).await;
    assert_eq!(world.ejected().len(), 1, "nothing speaks for it either");
}

#[tokio::test(start_paused = true)]
async fn a_prober_that_panics_has_its_address_probed_again() {
    let world = World::new();
    world.fleet.set(addr(0), Answer::Panic);
    world.check(&usual(), &backends(1));
    sleep(Duration::from_secs(60)).await;
    assert!(world.fleet.asked(addr(0)).len() > 9);
    world.fleet.set(addr(0), Answer::Silence);
    world.until_ejected(&[addr(0)]).await;
}

#[tokio::test(start_paused = true)]
async fn probes_of_one_address_follow_at_the_interval_with_jitter() {
    let world = World::new();
    let check = HealthCheck {
        eject_after: NonZeroU32::MIN,
        ..usual()
    };
    // A silent one is probed no later than others: the interval runs from the beginning.
    world.fleet.set(addr(0), Answer::Silence);
    world.check(&check, &backends(2));
    sleep(Duration::from_secs(600)).await;
    for n in [0, 1] {
        let asked = world.fleet.asked(addr(n));
        let waits: Vec<Duration> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (least, most) = (Duration::from_millis(4500), Duration::from_millis(5503));
        assert!(
            waits.iter().all(|wait| (least..=most).contains(wait)),
            "{waits:?}"
        );
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(4800)));
        assert!((110..=130).contains(&asked.len()), "{}", asked.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_probes_of_a_service_are_spread_over_one_interval() {
    let world = World::new();
    let start = Instant::now();
    world.check(&usual(), &backends(1000));
    sleep(usual().interval).await;
    let mut tenths = [0; 10];
    let mut seen = HashSet::new();
    for (at, addr, _) in world.fleet.all_asked() {
        if !seen.insert(addr) {
            continue;
        }
        let tenth = (at - start).as_millis() * 10 / usual().interval.as_millis();
        tenths[(tenth as usize).min(9)] += 1;
    }
    assert_eq!(tenths.iter().sum::<usize>(), 1000);
    assert!(tenths.iter().all(|n| (60..140).contains(n)), "{tenths:?}");
}
