//! After the first list.

use std::time::Duration;

use lookaside_client::Mode;
use tokio::time::sleep;

use super::all_answered_by;
use crate::{
    support::{self, addr},
    world::{BALANCER, FALLBACK, SECOND, World, found, list},
};

const SOON: Duration = Duration::from_millis(100);
const MINUTE: Duration = Duration::from_secs(60);

/// Loses balancer and backend 1, in this order, and waits for fallback.
async fn lose_all(world: &mut World) {
    world.stop_balancer();
    all_answered_by(world, 1, 2).await;
    world.stop(1).await;
    world.enters(Mode::Fallback).await;
    all_answered_by(world, FALLBACK, 2).await;
}

#[tokio::test(start_paused = true)]
async fn fallback_is_entered_and_left_as_balancers_and_backends_come_and_go() {
    // The only balancer cannot be reached.
    let mut world = World::new(1);
    world.stop_balancer();
    all_answered_by(&world, FALLBACK, 3).await;
    // The resolver finds another one.
    let mut second = support::balancer::Balancer::start(&world.net, addr(SECOND));
    world.resolver.set(found([FALLBACK], [SECOND]));
    let stream = second.stream().await;
    stream.list(list("1a"));
    world.uses("a").await;
    all_answered_by(&world, 1, 3).await;
    // All are lost, and all come back.
    drop((stream, second));
    world.stop(1).await;
    world.enters(Mode::Fallback).await;
    all_answered_by(&world, FALLBACK, 3).await;
    world.start(1);
    let mut second = support::balancer::Balancer::start(&world.net, addr(SECOND));
    let stream = second.stream().await;
    stream.list(list("1b"));
    world.uses("b").await;
    all_answered_by(&world, 1, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_balancer_alone_is_no_reason_to_fall_back() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a 2b")).await;
    world.stop_balancer();
    for _ in 0..60 {
        assert_ne!(world.token().await, "");
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(world.channel.mode(), Mode::Balancer);
    // Nor is the loss of all backends but one.
    world.stop(2).await;
    sleep(SOON).await;
    all_answered_by(&world, 1, 60).await;
    assert_eq!(world.net.connects(addr(FALLBACK)), 0);
}

#[tokio::test(start_paused = true)]
async fn lost_backends_alone_are_no_reason_to_fall_back() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    world.stop(1).await;
    world.stop(2).await;
    let text = world.failure().await;
    assert!(text.contains("addresses is reachable"), "{text}");
    sleep(MINUTE).await;
    assert_eq!(world.channel.mode(), Mode::Balancer);
    world.outcome().await.unwrap_err();
    // Not even those of a new list, which nobody can reach either.
    stream.list(list("3c"));
    sleep(MINUTE).await;
    assert_eq!(world.channel.mode(), Mode::Balancer);
    assert_eq!(world.net.connects(addr(FALLBACK)), 0);
}

#[tokio::test(start_paused = true)]
async fn when_balancer_and_backends_are_lost_fallback_lasts_until_a_new_list() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a")).await;
    lose_all(&mut world).await;
    world.start_balancer();
    let stream = world.stream().await;
    all_answered_by(&world, FALLBACK, 60).await;
    stream.list(list("2b"));
    world.uses("b").await;
    all_answered_by(&world, 2, 5).await;
}

#[tokio::test(start_paused = true)]
async fn when_all_are_lost_and_there_is_no_fallback_the_error_names_the_backend() {
    let mut world = World::new(1);
    world.resolver.set(found([], [BALANCER]));
    let _stream = world.working(&list("1a")).await;
    world.stop_balancer();
    world.stop(1).await;
    let text = world.failure().await;
    assert_eq!(text, "no connection to 10.0.0.1:1: refused");
    sleep(MINUTE).await;
    assert_eq!(world.outcome().await, Err(text));
    // There is nothing better than the last list: its backend is used if it comes back.
    world.start(1);
    assert_eq!(world.answered_by().await, 1);
    all_answered_by(&world, 1, 5).await;
}

#[tokio::test(start_paused = true)]
async fn the_balancer_and_then_the_backends_are_lost_and_come_back() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1a")).await;
    lose_all(&mut world).await;
    world.start(1);
    world.start_balancer();
    let stream = world.stream().await;
    stream.list(list("1a"));
    world.uses("a").await;
    all_answered_by(&world, 1, 5).await;
}

#[tokio::test(start_paused = true)]
async fn backends_and_then_the_balancer_are_lost_and_the_backends_alone_do_not_end_it() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1a")).await;
    world.stop(1).await;
    world.failure().await;
    assert_eq!(world.channel.mode(), Mode::Balancer);
    world.stop_balancer();
    world.enters(Mode::Fallback).await;
    all_answered_by(&world, FALLBACK, 3).await;
    // They are back, and nobody says so.
    world.start(1);
    all_answered_by(&world, FALLBACK, 120).await;
    world.start_balancer();
    let stream = world.stream().await;
    stream.list(list("1a"));
    world.uses("a").await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_fallback_backend_has_the_resolver_asked_and_its_answer_used() {
    let mut world = World::new(1);
    world.start(51);
    let stream = world.stream().await;
    stream.fall_back();
    all_answered_by(&world, FALLBACK, 3).await;
    let asked = world.resolver.asked();
    world.stop(FALLBACK).await;
    support::eventually("it asks", async || world.resolver.asked() > asked).await;
    world.failure().await;
    world.resolver.set(found([51], [BALANCER]));
    assert_eq!(world.answered_by().await, 51);
    all_answered_by(&world, 51, 3).await;
    assert_eq!(world.channel.mode(), Mode::Fallback);
}
