//! What forty unary calls are counted as.

use std::time::Duration;

use tokio::task::JoinSet;

use super::sum::Sum;
use crate::{
    support::calls::call,
    world::{World, list},
};

const CALLS: i64 = 40;
const INTERVAL: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn forty_answered_calls_are_forty_started_finished_and_received() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a"));
    world.settled(&list("1a")).await;
    for _ in 0..CALLS {
        world.token().await;
    }
    assert_eq!(Sum::of(&mut stream).await, Sum::answered(CALLS));
}

#[tokio::test(start_paused = true)]
async fn forty_calls_half_of_which_are_dropped_name_the_drops_token() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a d:overload"));
    world.settled(&list("1a")).await;
    for _ in 0..CALLS {
        let _ = world.outcome().await;
    }
    let expected = Sum::answered(CALLS / 2).and_dropped("overload", CALLS / 2);
    assert_eq!(Sum::of(&mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_picked_and_never_sent_are_counted_as_such() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a"));
    world.settled(&list("1a")).await;
    world.token().await;
    // Its connection is cut, and before anybody notices the others are picked for it.
    world.cut(1);
    let mut calls = JoinSet::new();
    for _ in 1..CALLS {
        let channel = world.channel.clone();
        calls.spawn(async move { call(&channel).await });
    }
    for outcome in calls.join_all().await {
        let status = outcome.unwrap_err();
        assert_eq!(status.message(), "no connection to 10.0.0.1:1: refused");
    }
    let expected = Sum::answered(1).and_unsent(CALLS - 1);
    assert_eq!(Sum::of(&mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn drops_are_counted_by_token_among_the_calls() {
    let mut world = World::new(2);
    let mut stream = world.reporting_stream(INTERVAL).await;
    let servers = list("d:rate 1a d:load d:load 2b");
    stream.list(servers.clone());
    world.settled(&servers).await;
    for _ in 0..200 {
        let _ = world.outcome().await;
    }
    let mut expected = Sum::answered(80).and_dropped("rate", 40);
    expected = expected.and_dropped("load", 80);
    assert_eq!(Sum::of(&mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn calls_to_all_backends_and_their_errors_are_counted_once() {
    let mut world = World::new(3);
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a 2b 3c"));
    world.settled(&list("1a 2b 3c")).await;
    for _ in 0..300 {
        world.token().await;
    }
    for n in 1..=3 {
        assert_eq!(world.backend(n).calls(), 100);
    }
    for _ in 0..10 {
        crate::support::calls::call_with(&world.channel, |request| {
            request.get_mut().message = "fail".into();
        })
        .await
        .unwrap_err();
    }
    assert_eq!(Sum::of(&mut stream).await, Sum::answered(310));
}
