//! Streams that a stock client gets wrong.

use std::time::Duration;

use lookaside_client::Mode;
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;

use crate::{
    reports::sum::Sum,
    support::{
        addr,
        calls::{call_with, patient_call},
    },
    world::{FALLBACK, World, found, list},
};

const SOON: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

/// grpc-go panics: its list is forgotten, its backends are not.
#[tokio::test(start_paused = true)]
async fn backends_that_bounce_while_the_next_stream_has_no_list_are_used_by_the_last_one() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    stream.fail(Status::unavailable("bye"));
    let _silent = world.stream().await;
    for _ in 0..5 {
        for n in [1, 2] {
            world.backend(n).go_away();
            sleep(SOON).await;
            assert_ne!(world.token().await, "");
        }
    }
    assert!(world.net.connects(addr(1)) > 5);
    assert_eq!(world.channel.mode(), Mode::Balancer);
}

/// For the C core reports never start; grpc-java loses the list.
#[tokio::test(start_paused = true)]
async fn a_list_before_the_initial_response_is_used_and_reports_start_with_the_response() {
    let mut world = World::new(1);
    let mut stream = world.balancer().raw_stream().await;
    assert_eq!(stream.name().await, "orders");
    stream.list(list("1a"));
    world.uses("a").await;
    assert!(timeout(30 * SECOND, stream.report()).await.is_err());
    stream.initial(Some(SECOND));
    for _ in 0..9 {
        world.token().await;
    }
    let sum = Sum::of(&mut stream).await;
    assert!(sum.started >= 10 && sum.started == sum.finished, "{sum:?}");
}

/// The C core reports every second; grpc-go as often as it is told to.
#[tokio::test(start_paused = true)]
async fn a_tiny_report_interval_is_raised_to_a_second_and_a_negative_one_means_none() {
    let mut world = World::new(1);
    let mut stream = world.balancer().raw_stream().await;
    stream.name().await;
    stream.initial(Some(Duration::from_nanos(1)));
    stream.list(list("1a"));
    let began = Instant::now();
    for turn in 1..=3 {
        world.answered_by().await;
        stream.report().await.unwrap();
        assert_eq!(began.elapsed().as_secs(), turn);
    }
    stream.fail(Status::unavailable("bye"));

    for (seconds, nanos) in [(-1, 0), (0, -1), (0, 0), (i64::MIN, i32::MIN)] {
        let mut stream = world.balancer().raw_stream().await;
        stream.name().await;
        stream.initial_raw(seconds, nanos);
        stream.list(list("1a"));
        world.token().await;
        assert!(
            timeout(30 * SECOND, stream.report()).await.is_err(),
            "{seconds} s {nanos} ns"
        );
        stream.fail(Status::unavailable("bye"));
    }
}

/// For grpc-go an open stream is contact, whatever it does not say.
#[tokio::test(start_paused = true)]
async fn a_balancer_that_is_silent_after_a_reconnect_does_not_prevent_fallback() {
    let mut world = World::new(1);
    let stream = world.working(&list("1a")).await;
    stream.fail(Status::unavailable("bye"));
    let silent = world.stream().await;
    sleep(SOON).await;
    world.stop(1).await;
    world.enters(Mode::Fallback).await;
    assert_eq!(world.answered_by().await, FALLBACK);
    world.start(1);
    silent.list(list("1a"));
    world.uses("a").await;
}

/// grpc-java never falls back then, though its comment says that it does.
#[tokio::test(start_paused = true)]
async fn balancers_that_vanish_after_a_list_do_not_prevent_fallback() {
    let mut world = World::new(1);
    let mut stream = world.working(&list("1a")).await;
    world.resolver.set(found([FALLBACK], []));
    assert_eq!(stream.report().await, None, "nobody listens any more");
    for _ in 0..30 {
        assert_eq!(world.token().await, "a");
        sleep(SECOND).await;
    }
    world.stop(1).await;
    world.enters(Mode::Fallback).await;
    assert_eq!(world.answered_by().await, FALLBACK);
    // And they return.
    world.start(1);
    world
        .resolver
        .set(found([FALLBACK], [crate::world::BALANCER]));
    let stream = world.stream().await;
    stream.list(list("1b"));
    world.uses("b").await;
}

/// All three fall back, for the backends are still connecting; the C core for good.
#[tokio::test(start_paused = true)]
async fn a_stream_of_a_list_and_nothing_more_is_followed_and_not_opened_in_a_loop() {
    let mut world = World::new(1);
    let began = Instant::now();
    let mut streams = 0;
    while began.elapsed() < 30 * SECOND {
        let stream = world.stream().await;
        stream.list(list("1a"));
        stream.fail(Status::unavailable("bye"));
        streams += 1;
        assert_eq!(patient_call(&world.channel).await.unwrap().lb_token, "a");
        assert_eq!(world.channel.mode(), Mode::Balancer);
    }
    assert!(streams < 20, "{streams} streams in 30 s");
    assert_eq!(world.net.connects(addr(FALLBACK)), 0);
    assert_eq!(world.net.connects(addr(1)), 1);
}

/// All three open the next stream with no delay at all: 22,900 a second, measured.
#[tokio::test(start_paused = true)]
async fn a_balancer_that_closes_after_its_first_word_is_asked_under_twenty_times_a_second() {
    let mut world = World::new(1);
    let began = Instant::now();
    let mut in_second = [0; 10];
    loop {
        let stream = world.stream().await;
        stream.fail(Status::unavailable("bye"));
        match in_second.get_mut(usize::try_from(began.elapsed().as_secs()).unwrap()) {
            Some(streams) => *streams += 1,
            None => break,
        }
    }
    assert!(in_second.iter().all(|n| *n < 20), "{in_second:?}");
    assert!(in_second[9] <= 1, "ever slower: {in_second:?}");
    // Meanwhile calls are served.
    assert_eq!(world.answered_by().await, FALLBACK);
}

/// grpc-go does not count it at all.
#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_started_and_finished_and_not_received() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(SECOND).await;
    stream.list(list("1a"));
    world.settled(&list("1a")).await;
    *world.backend(1).handler.delay.lock().unwrap() = 3600 * SECOND;
    for _ in 0..5 {
        call_with(&world.channel, |request| request.set_timeout(SOON))
            .await
            .unwrap_err();
        // The caller loses interest.
        let call = crate::support::calls::call(&world.channel);
        assert!(timeout(SOON, call).await.is_err());
    }
    let expected = Sum {
        started: 10,
        finished: 10,
        ..Sum::default()
    };
    assert_eq!(Sum::of(&mut stream).await, expected);
}
