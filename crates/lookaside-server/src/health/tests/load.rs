use std::{collections::HashMap, net::SocketAddr, time::Duration};

use lookaside_core::Probe;
use tokio::time::{Instant, sleep, timeout};

use super::fleet::{Answer, World, addr, backends, usual};
use crate::{
    Target,
    health::{pace::MAX_PROBES_PER_SECOND, roster::MAX_PROBES_OF_SERVICE},
    probe::MAX_HEALTH_PROBES,
};

#[tokio::test(start_paused = true)]
async fn a_balancer_that_is_cut_off_keeps_its_bounds_and_recovers() {
    const N: u16 = 2000;
    let world = World::new();
    world.check(&usual(), &backends(N));
    sleep(Duration::from_secs(30)).await;
    let all: Vec<SocketAddr> = (0..N).map(addr).collect();
    for addr in &all {
        world.fleet.set(*addr, Answer::Silence);
    }
    // 96 at a time, a second each: a round takes 21 s, longer than the interval.
    let took = world.until_ejected(&all).await;
    assert!(took < Duration::from_secs(75), "{took:?}");
    assert_eq!(world.fleet.most_in_flight(), MAX_PROBES_OF_SERVICE);
    for addr in &all {
        world.fleet.set(*addr, Answer::Well);
    }
    let took = world.until_ejected(&[]).await;
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn when_turns_are_short_all_addresses_get_theirs() {
    const N: u16 = 2000;
    let world = World::new();
    for n in 0..N {
        world.fleet.set(addr(n), Answer::Silence);
    }
    world.check(&usual(), &backends(N));
    sleep(Duration::from_secs(200)).await;
    let mut counts: HashMap<SocketAddr, usize> = HashMap::new();
    for (_, addr, _) in world.fleet.all_asked() {
        *counts.entry(addr).or_default() += 1;
    }
    assert_eq!(counts.len(), usize::from(N));
    let (least, most) = (counts.values().min(), counts.values().max());
    // 96 a second; the one that has waited longest goes first.
    assert!(*least.unwrap() >= 8, "{least:?} to {most:?}");
    assert!(*most.unwrap() <= 11, "{least:?} to {most:?}");
}

#[tokio::test(start_paused = true)]
async fn others_that_probe_need_not_wait_for_health_checks() {
    const N: u16 = 4000;
    let world = World::new();
    for n in 0..N {
        world.fleet.set(addr(n), Answer::Silence);
    }
    let (check, all) = (usual(), backends(N));
    let half = all.len() / 2;
    world.check_all(&[("a", &check, &all[..half]), ("b", &check, &all[half..])]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.fleet.most_in_flight(), MAX_HEALTH_PROBES);
    let start = Instant::now();
    let other = Target::from(addr(N));
    for _ in 0..5 {
        let answer = world.probes.probe(&other, &Probe::Tcp, usual().timeout);
        let answer = timeout(Duration::from_secs(10), answer).await;
        assert_eq!(answer, Ok(Ok(())));
    }
    let took = start.elapsed();
    assert!(took <= Duration::from_millis(20), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_delays_no_other() {
    const N: u16 = 2000;
    let world = World::new();
    for n in 0..N {
        world.fleet.set(addr(n), Answer::Silence);
    }
    let mut greedy = usual();
    greedy.interval = Duration::from_secs(10);
    greedy.timeout = Duration::from_secs(10);
    let check = usual();
    let all = backends(N + 50);
    let (silent, well) = all.split_at(usize::from(N));
    world.check_all(&[("silent", &greedy, silent), ("well", &check, well)]);
    sleep(Duration::from_secs(100)).await;
    for n in N..N + 50 {
        // Every 5 s, give or take a tenth.
        let probes = world.fleet.asked(addr(n)).len();
        assert!((18..=22).contains(&probes), "{probes}");
    }
    // Nor does it get back what it had under way by leaving and coming again.
    let again = backends(N);
    for _ in 0..10 {
        world.check_all(&[("well", &check, well)]);
        sleep(Duration::from_millis(10)).await;
        world.check_all(&[("silent", &greedy, &again), ("well", &check, well)]);
        sleep(Duration::from_secs(1)).await;
    }
    let most = world.fleet.most_in_flight();
    assert!(most <= MAX_PROBES_OF_SERVICE + well.len(), "{most}");
}

#[tokio::test(start_paused = true)]
async fn short_intervals_are_stretched_to_what_a_balancer_probes_in_a_second() {
    const N: u16 = 2000;
    const SECONDS: u64 = 5;
    let world = World::new();
    let mut check = usual();
    check.interval = Duration::from_millis(100);
    check.timeout = Duration::from_millis(100);
    world.check(&check, &backends(N));
    sleep(Duration::from_secs(SECONDS)).await;
    let made = world.fleet.all_asked().len() as u64;
    let allowed = u64::from(MAX_PROBES_PER_SECOND) * SECONDS;
    // The first come a little late, and what is late by up to 10 ms is made up for.
    assert!(made <= allowed + 50, "{made}");
    assert!(made >= allowed * 9 / 10, "{made}");
}

#[tokio::test(start_paused = true)]
async fn many_verdicts_at_once_are_published_together() {
    let world = World::new();
    world.check(&usual(), &backends(1000));
    sleep(Duration::from_secs(30)).await;
    for n in 0..1000 {
        world.fleet.set(addr(n), Answer::NotServing);
    }
    let mut verdicts = world.verdicts.clone();
    verdicts.mark_unchanged();
    let mut published = 0;
    while world.ejected().len() < 1000 {
        verdicts.changed().await.unwrap();
        verdicts.mark_unchanged();
        published += 1;
    }
    // 50 ms apart, over an interval and its jitter.
    assert!(published <= 200, "{published}");
}
