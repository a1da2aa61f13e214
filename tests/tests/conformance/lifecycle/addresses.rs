//! Balancers' addresses that change.

use std::time::Duration;

use lookaside_client::{Address, ResolverUpdate};
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::{
    support::{addr, balancer::Balancer},
    world::{BALANCER, FALLBACK, SECOND, World, found, list},
};

const SOON: Duration = Duration::from_millis(100);

#[tokio::test(start_paused = true)]
async fn a_new_balancer_is_not_used_while_the_stream_to_the_old_one_goes_on() {
    let mut world = World::new(2);
    let mut second = Balancer::start(&world.net, addr(SECOND));
    let stream = world.working(&list("1a")).await;
    world.resolver.set(found([FALLBACK], [SECOND]));
    sleep(Duration::from_secs(60)).await;
    assert!(second.try_stream().is_none());
    // It is the old one's word that counts.
    stream.list(list("2b"));
    world.uses("b").await;
}

#[tokio::test(start_paused = true)]
async fn the_same_balancer_among_others_keeps_its_connection() {
    let mut world = World::new(1);
    let mut second = Balancer::start(&world.net, addr(SECOND));
    let _stream = world.working(&list("1a")).await;
    for balancers in [[SECOND, BALANCER], [BALANCER, SECOND], [SECOND, BALANCER]] {
        world.resolver.set(found([FALLBACK], balancers));
        sleep(Duration::from_secs(20)).await;
        assert_eq!(world.token().await, "a");
    }
    assert_eq!(world.net.connects(addr(BALANCER)), 1);
    assert_eq!(world.net.connects(addr(SECOND)), 0);
    assert!(world.balancer().try_stream().is_none());
    assert!(second.try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_balancer_under_another_name_does_not_end_its_stream() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a")).await;
    let named = |name: &str| {
        let address = Address::new(addr(BALANCER)).with_authority(name.parse().unwrap());
        ResolverUpdate::new(vec![Address::new(addr(FALLBACK))]).with_balancers(vec![address])
    };
    for name in ["lb1.example.com", "lb2.example.com"] {
        world.resolver.set(named(name));
        sleep(Duration::from_secs(20)).await;
        assert!(world.balancer().try_stream().is_none());
    }
    stream.list(list("2b"));
    world.uses("b").await;
    // The next stream calls it by its new name.
    stream.fail(Status::unavailable("bye"));
    assert_eq!(world.stream().await.authority, "lb2.example.com");
}

#[tokio::test(start_paused = true)]
async fn when_the_balancer_dies_the_newly_resolved_one_is_followed() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a")).await;
    world.stop_balancer();
    for _ in 0..10 {
        assert_eq!(world.token().await, "a");
    }
    let mut second = Balancer::start(&world.net, addr(SECOND));
    world.resolver.set(found([FALLBACK], [SECOND]));
    let began = Instant::now();
    let stream = second.stream().await;
    assert!(began.elapsed() < Duration::from_secs(1));
    stream.list(list("2b"));
    world.uses("b").await;
    assert_eq!(world.net.connects(addr(FALLBACK)), 0);
}

#[tokio::test(start_paused = true)]
async fn new_balancers_cut_the_wait_for_the_next_stream_short() {
    let mut world = World::new(1);
    // Refused often enough for a long wait.
    for _ in 0..6 {
        let stream = world.balancer().raw_stream().await;
        stream.fail(Status::not_found("no such service"));
    }
    sleep(SOON).await;
    let mut second = Balancer::start(&world.net, addr(SECOND));
    // The same ones as before are no news.
    world.resolver.set(found([FALLBACK], [BALANCER]));
    sleep(Duration::from_secs(2)).await;
    assert!(world.balancer().try_stream().is_none());
    world.resolver.set(found([FALLBACK], [SECOND]));
    let began = Instant::now();
    let stream = second.stream().await;
    assert!(began.elapsed() < Duration::from_millis(1100));
    stream.list(list("1a"));
    world.uses("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_moves_to_a_balancer_with_the_same_list_changes_nothing() {
    let mut world = World::new(1);
    let mut second = Balancer::start(&world.net, addr(SECOND));
    world.resolver.set(found([FALLBACK], [BALANCER, SECOND]));
    let _stream = world.working(&list("1a")).await;
    world.stop_balancer();
    let stream = second.stream().await;
    stream.list(list("1a"));
    for _ in 0..100 {
        assert_eq!(world.token().await, "a");
        sleep(SOON).await;
    }
    assert_eq!(world.net.connects(addr(1)), 1);
    assert!(second.try_stream().is_none(), "one stream");
}
