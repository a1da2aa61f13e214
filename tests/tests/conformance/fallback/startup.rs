//! Before the first list.

use std::time::Duration;

use lookaside_client::{Builder, ChildPolicy, Mode};
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::{SECOND, all_answered_by};
use crate::{
    support::{addr, calls::call},
    world::{BALANCER, FALLBACK, Scripted, World, found, list},
};

/// What is waited for a first list where nothing else is said.
const DEFAULT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_millis(100);

/// As a service config says it.
fn short(builder: Builder) -> Builder {
    builder.default_service_config(
        r#"{"loadBalancingConfig": [{"grpclb": {"initialFallbackTimeout": "3s"}}]}"#,
    )
}

/// A first list that comes just before the timeout: fallback is never entered.
async fn list_in_time(world: &mut World, timeout: Duration) {
    let stream = world.stream().await;
    sleep(timeout - SOON).await;
    assert_eq!(world.channel.mode(), Mode::Connecting);
    stream.list(list("1a"));
    world.uses("a").await;
    sleep(2 * timeout).await;
    assert_eq!(world.channel.mode(), Mode::Balancer);
    // New fallback addresses are nothing to it.
    world.resolver.set(found([51], [BALANCER]));
    all_answered_by(world, 1, 20).await;
    for n in [FALLBACK, 51] {
        assert_eq!(world.net.connects(addr(n)), 0, "{n}");
    }
}

/// None in time: fallback, with whatever the resolver finds, until a list comes.
async fn list_too_late(world: &mut World, timeout: Duration) {
    let began = Instant::now();
    let stream = world.stream().await;
    let answer = call(&world.channel).await.unwrap();
    assert_eq!(answer.backend, "10.0.0.50");
    let waited = began.elapsed();
    assert!(
        waited >= timeout && waited < timeout + SOON,
        "{waited:?}, not {timeout:?}"
    );
    assert_eq!(world.channel.mode(), Mode::Fallback);

    world.start(51);
    world.resolver.set(found([51], [BALANCER]));
    sleep(SOON).await;
    all_answered_by(world, 51, 5).await;

    stream.list(list("1a"));
    world.uses("a").await;
    // No timer is left to go off.
    all_answered_by(world, 1, 60).await;
    assert_eq!(world.channel.mode(), Mode::Balancer);
}

#[tokio::test(start_paused = true)]
async fn a_list_just_before_ten_seconds_prevents_fallback() {
    list_in_time(&mut World::new(1), DEFAULT).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_list_after_ten_seconds_the_fallback_addresses_are_used_until_one_comes() {
    list_too_late(&mut World::new(1), DEFAULT).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_just_before_a_timeout_of_ones_own_prevents_fallback() {
    list_in_time(&mut World::with(1, short), SHORT).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_list_after_a_timeout_of_ones_own_the_fallback_addresses_are_used() {
    list_too_late(&mut World::with(1, short), SHORT).await;
}

#[tokio::test(start_paused = true)]
async fn under_pick_first_too_fallback_begins_after_ten_seconds() {
    let mut world = World::with(1, |builder| builder.child_policy(ChildPolicy::PickFirst));
    list_too_late(&mut world, DEFAULT).await;
}

#[tokio::test(start_paused = true)]
async fn under_pick_first_too_fallback_begins_after_a_timeout_of_ones_own() {
    let mut world = World::with(1, |builder| {
        short(builder).child_policy(ChildPolicy::PickFirst)
    });
    list_too_late(&mut world, SHORT).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_before_its_first_list_means_fallback_at_once() {
    for initial in [false, true] {
        let mut world = World::new(1);
        let began = Instant::now();
        let mut stream = world.balancer().raw_stream().await;
        assert_eq!(stream.name().await, "orders");
        if initial {
            stream.initial(None);
        }
        stream.fail(Status::unavailable("bye"));
        all_answered_by(&world, FALLBACK, 1).await;
        assert!(began.elapsed() < 2 * SECOND, "not only after a timeout");
        assert_eq!(world.channel.mode(), Mode::Fallback);
        // It is asked again, and then followed.
        let stream = world.stream().await;
        stream.list(list("1a"));
        world.uses("a").await;
    }
}

#[tokio::test(start_paused = true)]
async fn balancers_that_cannot_be_reached_mean_fallback_at_once() {
    let mut world = World::new(1);
    world.stop_balancer();
    let began = Instant::now();
    call(&world.channel).await.unwrap();
    assert!(began.elapsed() < SOON);
    all_answered_by(&world, FALLBACK, 5).await;
    // One that appears is found.
    world.start_balancer();
    let stream = world.stream().await;
    stream.list(list("1a"));
    world.uses("a").await;
}

#[tokio::test(start_paused = true)]
async fn without_balancers_the_fallback_addresses_are_used_at_once_and_nobody_resolves_again() {
    let resolver = Scripted::default();
    resolver.set(found([FALLBACK], []));
    let mut world = World::resolving(resolver, |builder| builder);
    world.start_balancer();
    world.start(1);
    world.start(FALLBACK);
    let began = Instant::now();
    call(&world.channel).await.unwrap();
    assert!(began.elapsed() < SOON);
    for _ in 0..2 {
        let asked = world.resolver.asked();
        all_answered_by(&world, FALLBACK, 60).await;
        assert!(world.balancer().try_stream().is_none());
        assert_eq!(world.resolver.asked(), asked);

        world.resolver.set(found([FALLBACK], [BALANCER]));
        let mut stream = world.stream().await;
        stream.list(list("1a"));
        world.uses("a").await;
        all_answered_by(&world, 1, 5).await;
        assert_eq!(world.resolver.asked(), asked);

        // Gone again: that ends the stream, but not what still works.
        world.resolver.set(found([FALLBACK], []));
        assert_eq!(stream.report().await, None);
        all_answered_by(&world, 1, 30).await;
        assert_eq!(world.resolver.asked(), asked);
        world.stop(1).await;
        world.enters(Mode::Fallback).await;
        world.start(1);
    }
}

#[tokio::test(start_paused = true)]
async fn balancers_that_come_during_fallback_begin_no_timeout() {
    let resolver = Scripted::default();
    resolver.set(found([FALLBACK], []));
    let mut world = World::resolving(resolver, |builder| builder);
    world.start(FALLBACK);
    world.start(1);
    all_answered_by(&world, FALLBACK, 1).await;

    // One that has nothing to say: whatever time passes, nothing changes.
    world.start_balancer();
    world.resolver.set(found([FALLBACK], [BALANCER]));
    let stream = world.stream().await;
    all_answered_by(&world, FALLBACK, 60).await;
    assert_eq!(world.net.connects(addr(FALLBACK)), 1);
    stream.list(list("1a"));
    world.uses("a").await;
    all_answered_by(&world, 1, 60).await;
}

#[tokio::test(start_paused = true)]
async fn new_fallback_addresses_are_used_during_fallback_and_only_then() {
    let mut world = World::new(1);
    for n in 51..=53 {
        world.start(n);
    }
    let stream = world.stream().await;
    world.resolver.set(found([51], [BALANCER]));
    // Not the ones of the beginning.
    world.enters(Mode::Fallback).await;
    all_answered_by(&world, 51, 3).await;
    assert_eq!(world.net.connects(addr(FALLBACK)), 0);
    world.resolver.set(found([52], [BALANCER]));
    sleep(SOON).await;
    all_answered_by(&world, 52, 3).await;

    stream.list(list("1a"));
    world.uses("a").await;
    world.resolver.set(found([53], [BALANCER]));
    all_answered_by(&world, 1, 3).await;
    assert_eq!(world.net.connects(addr(53)), 0);
    stream.fall_back();
    world.enters(Mode::Fallback).await;
    sleep(SOON).await;
    all_answered_by(&world, 53, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_cannot_be_reached_says_why_in_the_call() {
    let mut world = World::new(0);
    world.stop(FALLBACK).await;
    let stream = world.stream().await;
    stream.fall_back();
    world.enters(Mode::Fallback).await;
    let text = world.failure().await;
    assert_eq!(
        text,
        "in fallback because the balancer said so: no connection to 10.0.0.50:1: refused"
    );
    // And so does a listed backend.
    stream.list(list("1a"));
    world.enters(Mode::Balancer).await;
    assert_eq!(
        world.failure().await,
        "no connection to 10.0.0.1:1: refused"
    );
}
