//! When the next stream is opened.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::{
    support::balancer::BalancerStream,
    world::{World, list},
};

/// gRPC's back-off: 1 s, and 1.6 times as long each time, give or take a fifth.
fn assert_backoff(waited: Duration, attempt: i32) {
    let expected = 1.6_f64.powi(attempt);
    let waited = waited.as_secs_f64();
    assert!(
        (0.8 * expected - 0.01..=1.2 * expected + 0.01).contains(&waited),
        "{waited} s, expected about {expected} s"
    );
}

/// The next stream, and how long it took to come.
async fn next(world: &mut World) -> (BalancerStream, Duration) {
    let began = Instant::now();
    let mut stream = world.balancer().raw_stream().await;
    assert_eq!(stream.name().await, "orders");
    (stream, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn refused_streams_are_opened_again_with_growing_waits_that_an_initial_response_resets() {
    let mut world = World::new(1);
    let (stream, _) = next(&mut world).await;
    // Each end has the resolver asked.
    assert_eq!(world.resolver.asked(), 0);
    stream.fail(Status::unavailable("bye"));
    let (stream, waited) = next(&mut world).await;
    assert_backoff(waited, 0);
    assert_eq!(world.resolver.asked(), 1);
    stream.fail(Status::unavailable("bye"));
    let (stream, waited) = next(&mut world).await;
    assert_backoff(waited, 1);
    assert_eq!(world.resolver.asked(), 2);

    // One that lasted is opened again at once, but for the least wait.
    stream.initial(None);
    stream.list(list("1a"));
    sleep(Duration::from_secs(60)).await;
    stream.fail(Status::unavailable("bye"));
    let (stream, waited) = next(&mut world).await;
    assert!(waited <= Duration::from_millis(160), "{waited:?}");
    assert_eq!(world.resolver.asked(), 3);

    // And the waits begin anew, counted from the stream's beginning.
    sleep(Duration::from_millis(400)).await;
    stream.fail(Status::unavailable("bye"));
    let (_stream, waited) = next(&mut world).await;
    assert_backoff(waited + Duration::from_millis(400), 0);
    assert_eq!(world.resolver.asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_has_the_resolver_asked_and_its_answer_used() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a")).await;
    let asked = world.resolver.asked();
    stream.fail(Status::unavailable("bye"));
    crate::support::eventually("it asks", async || world.resolver.asked() > asked).await;
    let second = crate::world::SECOND;
    let mut balancer =
        crate::support::balancer::Balancer::start(&world.net, crate::support::addr(second));
    world
        .resolver
        .set(crate::world::found([crate::world::FALLBACK], [second]));
    let stream = balancer.stream().await;
    stream.list(list("2b"));
    world.uses("b").await;
}
