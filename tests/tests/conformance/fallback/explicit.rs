//! Fallback because the balancer said so.

use lookaside_client::Mode;

use super::all_answered_by;
use crate::{
    support::addr,
    world::{FALLBACK, World, list},
};

#[tokio::test(start_paused = true)]
async fn a_fallback_response_is_obeyed_though_the_backends_are_ready_and_the_same_list_ends_it() {
    let mut world = World::new(1);
    let stream = world.working(&list("1a")).await;
    for _ in 0..3 {
        all_answered_by(&world, 1, 3).await;
        stream.fall_back();
        world.enters(Mode::Fallback).await;
        all_answered_by(&world, FALLBACK, 30).await;
        stream.list(list("1a"));
        world.uses("a").await;
    }
    // The first visit's connection had its time and was let go of.
    assert!(world.balancer().try_stream().is_none(), "one stream");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_response_before_the_first_list_is_obeyed_at_once() {
    let mut world = World::new(2);
    let stream = world.stream().await;
    let began = tokio::time::Instant::now();
    stream.fall_back();
    all_answered_by(&world, FALLBACK, 1).await;
    assert!(began.elapsed().as_secs() <= 1);
    all_answered_by(&world, FALLBACK, 60).await;
    stream.list(list("1a 2b"));
    world.enters(Mode::Balancer).await;
    world.settled(&list("1a 2b")).await;
    world.token().await;
    assert!(world.balancer().try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_fallback_response_after_the_first_list_is_obeyed_without_a_failed_call() {
    let mut world = World::new(1);
    let stream = world.working(&list("1a")).await;
    stream.fall_back();
    let deadline = tokio::time::Instant::now() + super::SECOND;
    let mut seen = Vec::new();
    while tokio::time::Instant::now() < deadline {
        seen.push(world.token().await);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(seen.last().map(String::as_str), Some(""));
    assert_eq!(world.channel.mode(), Mode::Fallback);
    assert_eq!(world.net.connects(addr(FALLBACK)), 1);
}

#[tokio::test(start_paused = true)]
async fn fallback_responses_may_come_again_and_again_and_last_beyond_their_stream() {
    let mut world = World::new(1);
    let stream = world.stream().await;
    stream.fall_back();
    stream.fall_back();
    world.enters(Mode::Fallback).await;
    all_answered_by(&world, FALLBACK, 5).await;
    stream.fail(tonic::Status::unavailable("bye"));
    let stream = world.stream().await;
    all_answered_by(&world, FALLBACK, 60).await;
    stream.list(list("1a"));
    world.uses("a").await;
}
