//! The balancer's stream: opening, ending, opening again; what the resolver says meanwhile.

mod addresses;
mod resolution;
mod retries;

use lookaside_client::ChildPolicy;

use crate::{
    support,
    world::{FALLBACK, SECOND, World, found, list},
};

/// A channel that never had a backend.
async fn ended_with_its_channel(policy: ChildPolicy) {
    let mut world = World::with(0, |builder| builder.child_policy(policy));
    let mut stream = world.stream().await;
    let mut scene = world.close();
    let end = tokio::time::timeout(std::time::Duration::from_secs(1), stream.report());
    assert_eq!(end.await.expect("it ends at once"), None);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(scene.balancer().try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_with_a_channel_that_never_had_a_backend() {
    ended_with_its_channel(ChildPolicy::RoundRobin).await;
}

#[tokio::test(start_paused = true)]
async fn under_pick_first_too_the_stream_ends_with_a_channel_that_never_had_a_backend() {
    ended_with_its_channel(ChildPolicy::PickFirst).await;
}

#[tokio::test(start_paused = true)]
async fn when_a_balancer_disconnects_the_next_one_is_followed() {
    let mut world = World::new(2);
    let mut second = support::balancer::Balancer::start(&world.net, support::addr(SECOND));
    world
        .resolver
        .set(found([FALLBACK], [crate::world::BALANCER, SECOND]));
    let stream = world.stream().await;
    stream.list(list("1a"));
    world.uses("a").await;
    assert!(second.try_stream().is_none());
    world.stop_balancer();
    let stream = second.stream().await;
    // Nothing is lost meanwhile.
    assert_eq!(world.token().await, "a");
    stream.list(list("2b"));
    world.uses("b").await;
}
