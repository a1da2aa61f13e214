//! When reports are sent, and which stream's they are.

use std::time::Duration;

use lookaside_proto::lb::ClientStats;
use tokio::time::{Instant, timeout};
use tonic::Status;

use super::sum::Sum;
use crate::{
    support::{balancer::BalancerStream, calls::call},
    world::{World, list},
};

const INTERVAL: Duration = Duration::from_secs(1);
/// Off the beat of the reports.
const MINUTE: Duration = Duration::from_millis(60_500);

/// Whether a stream has nothing more to say.
async fn silent(stream: &mut BalancerStream) -> bool {
    timeout(MINUTE, stream.report()).await.is_err()
}

fn all_zero(report: &ClientStats) -> bool {
    let mut sum = Sum::default();
    sum.add(report);
    sum == Sum::default()
}

#[tokio::test(start_paused = true)]
async fn a_report_of_nothing_is_sent_once() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a"));
    world.settled(&list("1a")).await;
    assert!(all_zero(&stream.report().await.unwrap()));
    assert!(silent(&mut stream).await);
    world.token().await;
    assert!(!all_zero(&stream.report().await.unwrap()));
    assert!(all_zero(&stream.report().await.unwrap()));
    assert!(silent(&mut stream).await);
}

#[tokio::test(start_paused = true)]
async fn a_second_initial_response_changes_nothing() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(3 * INTERVAL).await;
    let began = Instant::now();
    stream.initial(Some(INTERVAL));
    stream.list(list("1a"));
    for turn in 1..=3 {
        world.answered_by().await;
        assert!(!all_zero(&stream.report().await.unwrap()));
        assert_eq!(began.elapsed().as_secs(), 3 * turn);
    }
    stream.initial(None);
    world.token().await;
    assert!(!all_zero(&stream.report().await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_reported_after_a_streams_end_nor_to_one_that_did_not_ask() {
    let mut world = World::new(1);
    let stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a"));
    world.settled(&list("1a")).await;
    world.token().await;
    // The end comes when a report is due.
    tokio::time::sleep(INTERVAL - Duration::from_millis(25)).await;
    stream.fail(Status::unavailable("bye"));
    let mut next = world.balancer().raw_stream().await;
    assert_eq!(next.name().await, "orders");
    world.token().await;
    assert!(silent(&mut next).await, "there was no initial response");
    next.initial(None);
    world.token().await;
    assert!(silent(&mut next).await, "it wants none");
}

#[tokio::test(start_paused = true)]
async fn a_call_is_started_at_its_pick_and_finished_at_its_end_whatever_that_is() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a"));
    world.settled(&list("1a")).await;
    *world.backend(1).handler.delay.lock().unwrap() = 5 * INTERVAL / 2;
    let open = tokio::spawn({
        let channel = world.channel.clone();
        async move { call(&channel).await }
    });
    let report = stream.report().await.unwrap();
    let seen = (report.num_calls_started, report.num_calls_finished);
    assert_eq!(seen, (1, 0));
    let report = stream.report().await.unwrap();
    assert!(all_zero(&report), "still open: {report:?}");
    let report = stream.report().await.unwrap();
    let seen = (report.num_calls_started, report.num_calls_finished);
    assert_eq!(seen, (0, 1));
    assert_eq!(report.num_calls_finished_known_received, 1);
    open.await.unwrap().unwrap();

    // An error is an answer, a deadline is none.
    world.stop(1).await;
    world.start(1);
    world.settled(&list("1a")).await;
    *world.backend(1).handler.delay.lock().unwrap() = MINUTE;
    let limit = Duration::from_millis(100);
    crate::support::calls::call_with(&world.channel, |request| request.set_timeout(limit))
        .await
        .unwrap_err();
    let expected = Sum {
        known_received: 0,
        ..Sum::answered(1)
    };
    assert_eq!(Sum::of(&mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_same_list_on_a_new_stream_is_counted_for_it_and_no_call_is_lost_or_counted_twice() {
    let mut world = World::new(1);
    let mut stream = world.reporting_stream(INTERVAL).await;
    let servers = list("1a d:overload");
    stream.list(servers.clone());
    world.settled(&servers).await;
    for _ in 0..10 {
        let _ = world.outcome().await;
    }
    let first = Sum::of(&mut stream).await;
    assert_eq!(first, Sum::answered(5).and_dropped("overload", 5));
    // Two calls that this stream does not report any more, two without a stream, two
    // with the next one.
    for _ in 0..2 {
        let _ = world.outcome().await;
    }
    stream.fail(Status::unavailable("bye"));
    for _ in 0..2 {
        let _ = world.outcome().await;
    }
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(servers);
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..2 {
        let _ = world.outcome().await;
    }
    let rest = Sum::of(&mut stream).await;
    assert_eq!(rest, Sum::answered(3).and_dropped("overload", 3));
}

#[tokio::test(start_paused = true)]
async fn a_restarted_balancer_is_told_of_all_calls_since_the_last_report() {
    let mut world = World::new(4);
    let mut stream = world.reporting_stream(INTERVAL).await;
    let before = list("1a 2b");
    stream.list(before.clone());
    world.settled(&before).await;
    for _ in 0..20 {
        world.token().await;
    }
    assert_eq!(Sum::of(&mut stream).await, Sum::answered(20));

    world.stop_balancer();
    for _ in 0..10 {
        world.token().await;
    }
    tokio::time::sleep(5 * INTERVAL).await;
    world.start_balancer();
    let mut stream = world.reporting_stream(INTERVAL).await;
    let after = list("3c 4d");
    stream.list(after.clone());
    world.settled(&after).await;
    for _ in 0..20 {
        world.token().await;
    }
    assert_eq!(
        [1, 2, 3, 4].map(|n| world.backend(n).calls()),
        [15, 15, 10, 10]
    );
    assert_eq!(Sum::of(&mut stream).await, Sum::answered(30));
}
