//! Drop entries.

use std::collections::BTreeMap;

use lookaside_client::Mode;

use crate::{
    support::calls::patient_call,
    world::{World, list},
};

/// What became of `n` calls: their tokens, and `x` for those dropped.
async fn outcomes(world: &World, n: usize) -> String {
    let mut all = String::new();
    for _ in 0..n {
        match world.outcome().await {
            Ok(token) => all.push_str(&token),
            Err(error) => {
                assert_eq!(error, "call dropped by the balancer (overload)");
                all.push('x');
            }
        }
    }
    all
}

/// The same, which backend it was aside.
async fn dropped(world: &World, n: usize) -> String {
    outcomes(world, n).await.replace(['a', 'b'], ".")
}

#[tokio::test(start_paused = true)]
async fn every_third_call_is_dropped_where_the_list_has_its_drop() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a 2b d:overload")).await;
    assert_eq!(dropped(&world, 12).await, "..x..x..x..x");
    let tokens = outcomes(&world, 12).await.replace('x', "");
    assert!(["abababab", "babababa"].contains(&&*tokens), "{tokens}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_for_ready_are_dropped_as_all_others() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a 2b d:overload")).await;
    for turn in 0..12 {
        let outcome = patient_call(&world.channel).await;
        match outcome {
            Ok(_) => assert_ne!(turn % 3, 2),
            Err(status) => {
                assert_eq!(turn % 3, 2);
                assert_eq!(status.code(), tonic::Code::Unavailable);
                assert_eq!(status.message(), "call dropped by the balancer (overload)");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_turn_of_the_drops_survives_the_loss_of_a_backend() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a 2b d:overload")).await;
    assert_eq!(dropped(&world, 1).await, ".");
    world.stop(1).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(outcomes(&world, 5).await, "bxbbx");
    world.start(1);
    world.settled(&list("1a")).await;
    assert_eq!(outcomes(&world, 1).await.len(), 1);
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(dropped(&world, 5).await, ".x..x");
}

#[tokio::test(start_paused = true)]
async fn drops_and_backends_alternate_and_no_drop_costs_a_backend_its_turn() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a d:overload 2b d:overload")).await;
    let seen = outcomes(&world, 12).await;
    assert!(["axbxaxbxaxbx", "bxaxbxaxbxax"].contains(&&*seen), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn of_five_hundred_calls_exactly_the_listed_share_is_dropped_by_category() {
    let mut world = World::new(2);
    let _stream = world.working(&list("d:rate 1a d:load 2b d:load")).await;
    let mut counts = BTreeMap::new();
    for _ in 0..500 {
        let outcome = world.outcome().await.unwrap_or_else(|error| error);
        *counts.entry(outcome).or_insert(0) += 1;
    }
    let expected = [
        ("a", 100),
        ("b", 100),
        ("call dropped by the balancer (load)", 200),
        ("call dropped by the balancer (rate)", 100),
    ];
    assert_eq!(
        counts,
        expected.map(|(text, n)| (text.to_owned(), n)).into()
    );
}

#[tokio::test(start_paused = true)]
async fn a_first_list_of_drops_alone_drops_also_calls_that_wait_for_ready() {
    let mut world = World::new(1);
    let stream = world.stream().await;
    stream.list(list("d:overload d:overload"));
    for _ in 0..10 {
        let status = patient_call(&world.channel).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert_eq!(status.message(), "call dropped by the balancer (overload)");
    }
    assert_eq!(world.channel.mode(), Mode::Balancer);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_drops_alone_takes_the_place_of_one_of_backends() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    assert_eq!(dropped(&world, 10).await, "..........");
    stream.list(list("d:overload"));
    let text = world.failure().await;
    assert_eq!(text, "call dropped by the balancer (overload)");
    assert_eq!(dropped(&world, 10).await, "xxxxxxxxxx");
    // And the other way round.
    stream.list(list("1a 2b"));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(dropped(&world, 10).await, "..........");
}
