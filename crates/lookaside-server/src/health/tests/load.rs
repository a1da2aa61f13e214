use std::{collections::HashMap, net::SocketAddr, time::Duration};

use lookaside_core::Probe;
use tokio::time::{Instant, sleep, timeout};

use super::fleet::{Answer, World, addr, backends, usual};
use crate::{MAX_PROBES, Target};

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
    // 256 at a time, a second each: a round takes 8 s, longer than the interval.
    let took = world.until_ejected(&all).await;
    assert!(took < Duration::from_secs(40), "{took:?}");
    assert_eq!(world.fleet.most_in_flight(), MAX_PROBES);
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
    // 256 a second; the one that has waited longest goes first.
    assert!(*least.unwrap() >= 23, "{least:?} to {most:?}");
    assert!(*most.unwrap() <= 27, "{least:?} to {most:?}");
}

#[tokio::test(start_paused = true)]
async fn others_that_probe_get_their_turns() {
    const N: u16 = 4000;
    let world = World::new();
    for n in 0..N {
        world.fleet.set(addr(n), Answer::Silence);
    }
    world.check(&usual(), &backends(N));
    sleep(Duration::from_secs(60)).await;
    let start = Instant::now();
    let other = Target::from(addr(N));
    for _ in 0..5 {
        let answer = world.probes.probe(&other, &Probe::Tcp, usual().timeout);
        let answer = timeout(Duration::from_secs(10), answer).await;
        assert_eq!(answer, Ok(Ok(())));
    }
    // Each waits for one of the probes under way to end, at most.
    assert!(
        start.elapsed() <= usual().timeout * 6,
        "{:?}",
        start.elapsed()
    );
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
