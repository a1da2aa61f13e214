//! What the resolver finds, or fails to.

use std::time::Duration;

use lookaside_client::{ConnectivityState, Mode, ResolveError, ResolverUpdate};
use tokio::time::sleep;

use crate::{
    support::calls::call,
    world::{BALANCER, FALLBACK, Scripted, World, found, list},
};

const SOON: Duration = Duration::from_millis(100);

fn failed(text: &str) -> ResolverUpdate {
    ResolverUpdate::error(ResolveError::new(text))
}

#[tokio::test(start_paused = true)]
async fn neither_balancers_nor_addresses_is_an_error_that_says_so() {
    let resolver = Scripted::default();
    resolver.set(found([], []));
    let world = World::resolving(resolver, |builder| builder);
    let status = call(&world.channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(
        status.message(),
        "there are no balancers, and there are no fallback addresses"
    );
    assert_eq!(world.channel.state(), ConnectivityState::TransientFailure);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_fails_at_first_fails_calls_with_its_text_until_it_succeeds() {
    let resolver = Scripted::default();
    resolver.set(failed("resolve orders: no such host"));
    let mut world = World::resolving(resolver, |builder| builder);
    world.start_balancer();
    world.start(1);
    let text = world.failure().await;
    assert!(text.contains("resolve orders: no such host"), "{text}");
    assert_eq!(world.channel.state(), ConnectivityState::TransientFailure);

    world.resolver.set(found([FALLBACK], [BALANCER]));
    let stream = world.stream().await;
    stream.list(list("1a"));
    assert_eq!(world.answered_by().await, 1);
    assert_eq!(world.channel.mode(), Mode::Balancer);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_fails_later_changes_nothing() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a")).await;
    world.resolver.set(failed("resolve orders: no such host"));
    sleep(SOON).await;
    for _ in 0..10 {
        assert_eq!(world.token().await, "a");
    }
    // The stream is the same, and followed.
    stream.list(list("2b"));
    world.uses("b").await;
    // The fallback addresses from before are there as well.
    stream.fall_back();
    world.enters(Mode::Fallback).await;
    assert_eq!(world.answered_by().await, FALLBACK);
    assert!(world.balancer().try_stream().is_none());
}
