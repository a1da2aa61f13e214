//! Configurations that change while the channel runs.

use std::time::Duration;

use lookaside_client::Mode;
use tokio::time::sleep;

use super::{grpclb, tokens};
use crate::{
    support::{self, addr, balancer::BalancerStream},
    world::{BALANCER, FALLBACK, Scripted, World, found, list},
};

const ROUND_ROBIN: &str = r#"{"childPolicy": [{"round_robin": {}}]}"#;
const PICK_FIRST: &str = r#"{"childPolicy": [{"pick_first": {}}]}"#;

/// The resolver finds this configuration, and the addresses of ever.
fn configure(resolver: &Scripted, config: Option<&str>) {
    let update = found([FALLBACK], [BALANCER]);
    resolver.set(match config {
        Some(config) => update.with_service_config(Ok(grpclb(config).into())),
        None => update,
    });
}

/// With three backends, all listed.
async fn configured(config: &str) -> (World, BalancerStream) {
    let resolver = Scripted::default();
    configure(&resolver, Some(config));
    let mut world = World::resolving(resolver, |builder| builder);
    world.start_balancer();
    for n in [1, 2, 3, FALLBACK] {
        world.start(n);
    }
    let stream = world.stream().await;
    stream.list(list("1a 2b 3c"));
    world.ready().await;
    (world, stream)
}

/// Waits until so many backends have calls. No call fails meanwhile.
async fn used(world: &World, backends: usize) {
    let what = format!("calls to {backends} backends");
    support::eventually(&what, async || tokens(world).await.len() == backends).await;
    // And it stays so.
    assert_eq!(tokens(world).await.len(), backends);
}

#[tokio::test(start_paused = true)]
async fn a_child_policy_that_changes_takes_over_without_a_failed_call_or_a_new_stream() {
    let (mut world, _stream) = configured(PICK_FIRST).await;
    used(&world, 1).await;
    configure(&world.resolver, Some(ROUND_ROBIN));
    used(&world, 3).await;
    assert!(world.balancer().try_stream().is_none());
    assert_eq!(world.net.connects(addr(1)), 1, "its connection is kept");
}

#[tokio::test(start_paused = true)]
async fn pick_first_has_the_listed_backend_it_has_and_round_robin_spreads_after_a_change() {
    let (world, stream) = configured(PICK_FIRST).await;
    used(&world, 1).await;
    stream.list(list("3d 1e"));
    world.uses("e").await;
    configure(&world.resolver, Some(ROUND_ROBIN));
    used(&world, 2).await;
    stream.list(list("1f 2g 3h"));
    used(&world, 3).await;
    configure(&world.resolver, Some(PICK_FIRST));
    used(&world, 1).await;
    // Lists are still followed, by whichever child it is.
    stream.list(list("2i"));
    world.uses("i").await;
}

#[tokio::test(start_paused = true)]
async fn round_robin_gives_way_to_pick_first_and_the_stream_goes_on() {
    let (mut world, stream) = configured(ROUND_ROBIN).await;
    used(&world, 3).await;
    configure(&world.resolver, Some(PICK_FIRST));
    used(&world, 1).await;
    stream.list(list("2d 3e"));
    support::eventually("the new list", async || {
        ["d", "e"].contains(&&*world.token().await)
    })
    .await;
    assert_eq!(world.channel.mode(), Mode::Balancer);
    assert!(world.balancer().try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn without_a_configuration_any_more_the_child_is_round_robin_again() {
    let (mut world, _stream) = configured(PICK_FIRST).await;
    used(&world, 1).await;
    configure(&world.resolver, None);
    used(&world, 3).await;
    assert!(world.balancer().try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn another_service_name_opens_a_new_stream_under_it() {
    let (mut world, mut stream) = configured("{}").await;
    configure(&world.resolver, Some(r#"{"serviceName": "team/shop"}"#));
    let mut next = world.balancer().raw_stream().await;
    assert_eq!(next.name().await, "team/shop");
    assert_eq!(stream.report().await, None, "the old one has ended");
    next.initial(None);
    next.list(list("2d"));
    world.uses("d").await;
}

#[tokio::test(start_paused = true)]
async fn another_service_name_restarts_the_stream_and_nothing_else() {
    let (mut world, stream) = configured("{}").await;
    used(&world, 3).await;
    configure(&world.resolver, Some(r#"{"serviceName": "team/shop"}"#));
    let mut next = world.balancer().raw_stream().await;
    assert_eq!(next.name().await, "team/shop");
    // What the old one still says is void; its list serves until the new one has its own.
    stream.list(list("3old"));
    for _ in 0..30 {
        assert!(["a", "b", "c"].contains(&&*world.token().await));
        sleep(Duration::from_secs(1)).await;
    }
    next.initial(None);
    next.list(list("1d 2e"));
    used(&world, 2).await;
    assert_eq!(world.net.connects(addr(BALANCER)), 1, "the same connection");
    assert_eq!([1, 2].map(|n| world.net.connects(addr(n))), [1, 1]);
    assert_eq!(world.net.connects(addr(FALLBACK)), 0);
    // The same name again is no change.
    configure(&world.resolver, Some(r#"{"serviceName": "team/shop"}"#));
    sleep(Duration::from_secs(30)).await;
    assert!(world.balancer().try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_configuration_changes_nothing() {
    let (mut world, _stream) = configured(PICK_FIRST).await;
    used(&world, 1).await;
    for invalid in [
        r#"{"childPolicy": {}}"#,
        r#"{"childPolicy": [{"nonono": {}}]}"#,
        "}",
    ] {
        configure(&world.resolver, Some(invalid));
        sleep(Duration::from_secs(1)).await;
        used(&world, 1).await;
    }
    assert!(world.balancer().try_stream().is_none());
}
