//! Lists under a `pick_first` child.

use std::time::Duration;

use lookaside_client::{Builder, ChildPolicy, ConnectivityState};
use tokio::time::sleep;

use super::tokens;
use crate::{
    support::{self, addr, calls::patient_call},
    world::{World, list},
};

const SOON: Duration = Duration::from_millis(100);

fn pick_first(builder: Builder) -> Builder {
    builder.child_policy(ChildPolicy::PickFirst)
}

#[tokio::test(start_paused = true)]
async fn the_first_backend_has_all_calls_and_keeps_them_while_it_is_listed() {
    let mut world = World::with(3, pick_first);
    let stream = world.stream().await;
    stream.list(list("1a 2b 3c"));
    world.ready().await;
    assert_eq!(tokens(&world, 5).await, "aaaaa");
    // The connected one is gone from the list: the first of the new one.
    stream.list(list("3d"));
    world.uses("d").await;
    // It is still there, not first: nothing moves but the token.
    stream.list(list("1e 2f 3g"));
    world.uses("g").await;
    assert_eq!(tokens(&world, 5).await, "ggggg");
    assert_eq!(world.net.connects(addr(2)), 0);
    assert_eq!(world.net.connects(addr(3)), 1);
}

#[tokio::test(start_paused = true)]
async fn all_calls_go_to_the_first_of_the_list() {
    let mut world = World::with(3, pick_first);
    let stream = world.stream().await;
    stream.list(list("1a 2b 3c"));
    assert_eq!(world.answered_by().await, 1);
    tokens(&world, 30).await;
    let calls = [1, 2, 3].map(|n| world.backend(n).calls());
    assert_eq!(calls, [31, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn drops_hold_an_idle_connection_is_made_by_a_call_and_lists_update_in_place() {
    let mut world = World::with(2, pick_first);
    let stream = world.stream().await;
    stream.list(list("1a d:overload 2b"));
    world.ready().await;
    let dropped = Err("call dropped by the balancer (overload)".to_owned());
    let ok = |token: &str| Ok(token.to_owned());
    for expected in [ok("a"), dropped.clone(), ok("a"), ok("a"), dropped, ok("a")] {
        assert_eq!(world.outcome().await, expected);
    }
    // In place: the connected backend, elsewhere in the list and with another token.
    stream.list(list("2c 1d"));
    world.uses("d").await;
    assert_eq!(world.net.connects(addr(1)), 1);

    // Lost: IDLE, and nobody connects before a call.
    let asked = world.resolver.asked();
    world.backend(1).go_away();
    support::eventually("IDLE", async || {
        world.channel.state() == ConnectivityState::Idle
    })
    .await;
    assert!(world.resolver.asked() > asked);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.channel.state(), ConnectivityState::Idle);
    assert_eq!(
        (world.net.connects(addr(1)), world.net.connects(addr(2))),
        (1, 0)
    );
    assert_eq!(world.token().await, "c");
    assert_eq!(
        (world.net.connects(addr(1)), world.net.connects(addr(2))),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_lets_the_connection_go_and_the_next_list_makes_one() {
    let mut world = World::with(2, pick_first);
    let stream = world.stream().await;
    stream.list(list("1a 2b"));
    assert_eq!(world.answered_by().await, 1);
    stream.list([]);
    let text = world.failure().await;
    assert_eq!(
        text,
        "the balancer has no backend for orders: its list is empty"
    );
    sleep(Duration::from_secs(10) + SOON).await;
    assert_eq!(world.backend(1).open(), 0);
    stream.list(list("1a 2b"));
    patient_call(&world.channel).await.unwrap();
    assert_eq!(tokens(&world, 3).await, "aaa");
    assert_eq!(world.net.connects(addr(1)), 2);
}
