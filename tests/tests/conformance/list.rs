//! What a list means for calls: order, repetition, emptiness, what becomes of its backends.

mod cache;
mod pick_first;
mod tokens;

use std::time::Duration;

use lookaside_client::{ChildPolicy, ConnectivityState, Mode};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::Code;

use crate::{
    support::{
        self, addr,
        calls::{call, call_with, patient_call, spread},
    },
    world::{World, list, number},
};

const SOON: Duration = Duration::from_millis(100);

/// The tokens of `n` calls, none of which fails.
async fn tokens(world: &World, n: usize) -> String {
    let mut all = String::new();
    for _ in 0..n {
        all.push_str(&world.token().await);
    }
    all
}

/// Whether `seen` goes round in `order`, from anywhere.
fn goes_round(seen: &str, order: &str) -> bool {
    order.repeat(seen.len() / order.len() + 2).contains(seen)
}

#[tokio::test(start_paused = true)]
async fn repeated_backends_get_their_turns_in_the_order_of_the_list() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 1b 2c 1d 2e")).await;
    let seen = tokens(&world, 25).await;
    assert!(goes_round(&seen, "abcde"), "{seen}");

    stream.list(list("1f 1g 1h 2i 2j"));
    sleep(SOON).await;
    let seen = tokens(&world, 25).await;
    assert!(goes_round(&seen, "fghij"), "{seen}");
    let counts = spread(&world.channel, 500).await;
    let of_first = counts.iter().filter(|((at, _), _)| number(at) == 1);
    assert_eq!(of_first.map(|(_, n)| n).sum::<usize>(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_backend_listed_twice_has_one_connection() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1a 1b")).await;
    let seen = tokens(&world, 20).await;
    assert!(goes_round(&seen, "ab"), "{seen}");
    assert_eq!(world.net.connects(addr(1)), 1);
    assert_eq!(world.backend(1).open(), 1);
}

/// One list, then an empty one, then one.
async fn empty_list_in_between(policy: ChildPolicy) {
    let mut world = World::with(2, |builder| builder.child_policy(policy));
    let stream = world.working(&list("1a")).await;
    assert_eq!(world.answered_by().await, 1);

    stream.list([]);
    let empty = "the balancer has no backend for orders: its list is empty";
    assert_eq!(world.failure().await, empty);
    assert_eq!(world.channel.state(), ConnectivityState::TransientFailure);
    // It is the balancer's word: no reason to fall back, and none to go on with the old list.
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.outcome().await, Err(empty.to_owned()));
    assert_eq!(world.channel.mode(), Mode::Balancer);

    let waiting = tokio::spawn({
        let channel = world.channel.clone();
        async move { patient_call(&channel).await }
    });
    sleep(Duration::from_secs(30)).await;
    assert!(!waiting.is_finished());
    stream.list(list("2b"));
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(number(&answer.backend), 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_fails_calls_until_the_next_one() {
    empty_list_in_between(ChildPolicy::RoundRobin).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_fails_calls_until_the_next_one_under_pick_first() {
    empty_list_in_between(ChildPolicy::PickFirst).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_says_nothing_is_ignored_and_a_first_empty_list_is_not() {
    let mut world = World::new(1);
    let stream = world.stream().await;
    stream.nothing();
    let limit = Duration::from_secs(5);
    let short = async || call_with(&world.channel, |request| request.set_timeout(limit)).await;
    let status = short().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(world.channel.mode(), Mode::Connecting);

    stream.list([]);
    let began = Instant::now();
    let status = short().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(began.elapsed() < SOON);

    stream.list(list("1a"));
    assert_eq!(world.answered_by().await, 1);
}

#[tokio::test(start_paused = true)]
async fn backends_that_nobody_can_reach_fail_calls_before_their_deadline() {
    let mut world = World::new(0);
    let stream = world.stream().await;
    stream.list(list("1a 2b 3c 4d 5e"));
    let began = Instant::now();
    let status = call_with(&world.channel, |request| {
        request.set_timeout(Duration::from_secs(2));
    })
    .await
    .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        status
            .message()
            .starts_with("none of 5 addresses is reachable, the last: 10.0.0."),
        "{status}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn backends_that_restart_are_used_again_over_the_same_stream() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a 2b")).await;
    world.stop(1).await;
    world.stop(2).await;
    let text = world.failure().await;
    assert!(text.contains(": refused"), "{text}");
    world.start(1);
    world.start(2);
    world.answered_by().await;
    let both = async || tokens(&world, 4).await.contains("ab");
    support::eventually("both take calls", both).await;
    assert!(world.balancer().try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_list_is_followed_through_connecting_loss_new_tokens_and_new_backends() {
    let mut world = World::new(0);
    let stream = world.stream().await;
    // They accept and say nothing: CONNECTING. Calls wait.
    let silent = [1, 2].map(|n| world.net.listen(addr(n)));
    stream.list(list("1a 2b"));
    let early = tokio::spawn({
        let channel = world.channel.clone();
        async move { patient_call(&channel).await }
    });
    sleep(Duration::from_secs(5)).await;
    assert!(!early.is_finished());
    assert_eq!(world.channel.state(), ConnectivityState::Connecting);

    // One of them is READY: it has all calls, also the one that waited.
    drop(silent);
    world.start(2);
    assert_eq!(early.await.unwrap().unwrap().lb_token, "b");
    assert_eq!(tokens(&world, 5).await, "bbbbb");
    world.start(1);
    support::eventually("both", async || goes_round(&tokens(&world, 8).await, "ab")).await;

    // One closes its connection: the other has all calls, it is connected again, and the
    // resolver asked.
    let asked = world.resolver.asked();
    let connects = world.net.connects(addr(2));
    world.backend(2).go_away();
    sleep(SOON).await;
    assert!(world.resolver.asked() > asked);
    assert_eq!(world.net.connects(addr(2)), connects + 1);
    assert!(goes_round(&tokens(&world, 8).await, "ab"));

    // New: a token for the second, a third twice. The first is let go of.
    world.start(3);
    stream.list(list("3c 2B 3C"));
    world.settled(&list("3c 2B")).await;
    let seen = tokens(&world, 12).await;
    assert!(goes_round(&seen, "cBC"), "{seen}");
    assert_eq!(world.net.connects(addr(2)), connects + 1);
    assert_eq!(world.net.connects(addr(3)), 1);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(world.backend(1).open(), 0);

    stream.list([]);
    let text = world.failure().await;
    assert_eq!(
        text,
        "the balancer has no backend for orders: its list is empty"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_lasts_until_ready_whatever_is_tried_in_between() {
    let mut world = World::new(0);
    let stream = world.stream().await;
    stream.list(list("1a 2b"));
    world.failure().await;
    assert_eq!(world.channel.state(), ConnectivityState::TransientFailure);
    // One now accepts and says nothing: CONNECTING, for 20 s.
    let _silent = world.net.listen(addr(1));
    let connects = world.net.connects(addr(1));
    support::eventually("another attempt", async || {
        world.net.connects(addr(1)) > connects
    })
    .await;
    for _ in 0..10 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.channel.state(), ConnectivityState::TransientFailure);
        world.outcome().await.unwrap_err();
    }
    world.start(2);
    world.ready().await;
    assert_eq!(world.token().await, "b");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_asked_for_once_however_many_calls_come() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a 2b")).await;
    world.stop(1).await;
    let _silent = world.net.listen(addr(1));
    sleep(SOON).await;
    for _ in 0..50 {
        assert_eq!(world.token().await, "b");
    }
    assert_eq!(world.net.connects(addr(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_for_a_lost_connection_are_not_dropped_meanwhile() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1a d:overload")).await;
    world.stop(1).await;
    let silent = world.net.listen(addr(1));
    sleep(SOON).await;
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let channel = world.channel.clone();
        calls.spawn(async move { patient_call(&channel).await });
    }
    sleep(Duration::from_secs(5)).await;
    assert!(calls.try_join_next().is_none(), "all wait");
    assert_eq!(world.net.connects(addr(1)), 2);
    drop(silent);
    world.start(1);
    let outcomes = calls.join_all().await;
    let dropped = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!(dropped, 5, "every second one, once");
    // Each took one turn.
    assert!(call(&world.channel).await.is_ok());
    assert!(call(&world.channel).await.is_err());
}
