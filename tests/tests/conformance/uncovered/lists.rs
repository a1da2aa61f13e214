//! Lists that a stock client gets wrong.

use std::time::Duration;

use lookaside_client::{ConnectivityState, Mode};
use tokio::time::{sleep, timeout};
use tonic::Status;

use crate::{
    support::{addr, balancer::server, calls::call},
    world::{FALLBACK, World, list},
};

const SOON: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const EMPTY: &str = "the balancer has no backend for orders: its list is empty";

/// The C core ignores a list that equals its last one, also on a new stream: it stays in
/// fallback for good.
#[tokio::test(start_paused = true)]
async fn the_same_list_on_a_new_stream_ends_fallback() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1a")).await;
    world.stop_balancer();
    world.stop(1).await;
    world.enters(Mode::Fallback).await;
    assert_eq!(world.answered_by().await, FALLBACK);
    world.start(1);
    world.start_balancer();
    let stream = world.stream().await;
    stream.list(list("1a"));
    world.uses("a").await;
}

/// And its reports to the new stream are all zero.
#[tokio::test(start_paused = true)]
async fn calls_by_the_same_list_on_a_new_stream_are_reported_to_it() {
    let mut world = World::new(1);
    let stream = world.reporting_stream(SECOND).await;
    stream.list(list("1a"));
    world.uses("a").await;
    stream.fail(Status::unavailable("bye"));
    let mut stream = world.reporting_stream(SECOND).await;
    stream.list(list("1a"));
    sleep(SOON).await;
    for _ in 0..50 {
        world.token().await;
    }
    let report = stream.report().await.unwrap();
    assert!(report.num_calls_started >= 50, "{report:?}");
    assert!(report.num_calls_finished_known_received >= 50, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_list_again_on_the_same_stream_ends_fallback() {
    let mut world = World::new(1);
    let stream = world.working(&list("1a")).await;
    stream.fall_back();
    world.enters(Mode::Fallback).await;
    // Long enough for its connection to have gone.
    sleep(60 * SECOND).await;
    assert_eq!(world.answered_by().await, FALLBACK);
    stream.list(list("1a"));
    world.uses("a").await;
}

/// grpc-go swallows it, and calls hang.
#[tokio::test(start_paused = true)]
async fn an_empty_first_list_fails_calls_at_once_and_is_no_reason_to_fall_back() {
    let mut world = World::new(1);
    let stream = world.stream().await;
    stream.list([]);
    let outcome = timeout(SECOND, world.outcome()).await.expect("no hang");
    assert_eq!(outcome, Err(EMPTY.to_owned()));
    sleep(60 * SECOND).await;
    assert_eq!(world.outcome().await, Err(EMPTY.to_owned()));
    assert_eq!(world.net.connects(addr(FALLBACK)), 0);
    stream.list(list("1a"));
    assert_eq!(world.answered_by().await, 1);
}

/// grpc-go ignores it, and goes on with the backends from before.
#[tokio::test(start_paused = true)]
async fn an_empty_list_on_a_new_stream_is_applied() {
    let mut world = World::new(1);
    let stream = world.working(&list("1a")).await;
    stream.fail(Status::unavailable("bye"));
    let stream = world.stream().await;
    assert_eq!(world.token().await, "a");
    stream.list([]);
    assert_eq!(world.failure().await, EMPTY);
    assert_eq!(world.channel.state(), ConnectivityState::TransientFailure);
}

/// grpc-go has one token per connection, the first.
#[tokio::test(start_paused = true)]
async fn two_tokens_on_one_address_are_both_sent_in_turn() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1a 1b 1c")).await;
    let mut seen = String::new();
    for _ in 0..9 {
        seen.push_str(&world.token().await);
    }
    assert!("abc".repeat(4).contains(&seen), "{seen}");
    assert_eq!(world.net.connects(addr(1)), 1);
}

/// grpc-go ignores it until the connection is made anew.
#[tokio::test(start_paused = true)]
async fn an_update_of_tokens_alone_is_used_at_once_on_the_same_connections() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    stream.list(list("1c 2d"));
    sleep(SOON).await;
    let mut seen = String::new();
    for _ in 0..8 {
        seen.push_str(&world.token().await);
    }
    assert!("cd".repeat(5).contains(&seen), "{seen}");
    assert_eq!([1, 2].map(|n| world.net.connects(addr(n))), [1, 1]);
}

/// grpc-java's channel panics at the port; grpc-go dials nonsense for ever.
#[tokio::test(start_paused = true)]
async fn entries_that_are_no_address_cost_their_place_and_nothing_else() {
    let mut world = World::new(1);
    let stream = world.stream().await;
    let mut servers = list("1a 1b 1c 1d 1e 1f 1good d:overload");
    for (index, port) in [0, -1, 65_536, i32::MAX].into_iter().enumerate() {
        servers[index].port = port;
    }
    servers[4].ip_address = vec![10, 0, 0];
    servers[5].ip_address = Vec::new();
    stream.list(servers);
    world.ready().await;
    let mut dropped = 0;
    for _ in 0..80 {
        match world.outcome().await {
            Ok(token) => assert_eq!(token, "good"),
            Err(error) => {
                assert_eq!(error, "call dropped by the balancer (overload)");
                dropped += 1;
            }
        }
    }
    assert_eq!(dropped, 10, "one entry in eight, as the balancer had it");

    // Nothing else in the list: no address to use is no reason to drop, or to hang.
    let mut servers = list("1a d:overload");
    servers[0].port = 0;
    stream.list(servers);
    sleep(SOON).await;
    for _ in 0..4 {
        assert_eq!(
            timeout(SECOND, world.outcome()).await.expect("no hang"),
            Err("there are no addresses".to_owned())
        );
    }
}

/// The C core reads beyond its array at 50, and rejects 51.
#[tokio::test(start_paused = true)]
async fn a_token_of_49_characters_is_sent_and_longer_ones_cost_the_header_not_the_backend() {
    let mut world = World::new(3);
    let tokens = [49, 50, 51].map(|length| "x".repeat(length));
    let entry = |(n, token): (u8, &String)| server(addr(n), token);
    let servers: Vec<_> = (1..=3).zip(&tokens).map(entry).collect();
    let _stream = world.working(&servers).await;
    for _ in 0..9 {
        call(&world.channel).await.unwrap();
    }
    for (n, expected) in [(1, Some(tokens[0].clone())), (2, None), (3, None)] {
        let seen = world.backend(n).handler.tokens.lock().unwrap();
        assert!(
            seen.len() >= 3 && seen.iter().all(|token| *token == expected),
            "{n}: {seen:?}"
        );
    }
}

/// As a drop's token it is a key of the reports.
#[tokio::test(start_paused = true)]
async fn a_drop_with_too_long_a_token_drops_and_is_reported_without_it() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(SECOND).await;
    stream.list(list(&format!(
        "1a d:{} d:{}",
        "x".repeat(49),
        "y".repeat(50)
    )));
    world.settled(&list("1a")).await;
    for _ in 0..30 {
        let _ = world.outcome().await;
    }
    let sum = crate::reports::sum::Sum::of(&mut stream).await;
    assert_eq!(
        (sum.started, sum.finished, sum.known_received),
        (30, 30, 10)
    );
    assert_eq!(sum.failed_to_send, 0);
    assert_eq!(sum.drops, [("x".repeat(49), 10)].into());
}
