//! Connections to backends that left the list.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    support::{self, addr},
    world::{World, list},
};

/// How long a connection outlasts its last listing.
const LINGER: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_millis(200);

#[tokio::test(start_paused = true)]
async fn a_connection_ends_ten_seconds_after_its_backend_left_the_list() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    stream.list(list("2c"));
    world.uses("c").await;
    sleep(LINGER - SOON).await;
    assert_eq!(world.backend(1).open(), 1);
    sleep(2 * SOON).await;
    assert_eq!(world.backend(1).open(), 0);
    assert_eq!(world.backend(2).open(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_comes_back_in_time_keeps_its_connection_for_good() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    for round in 0..3 {
        stream.list(list("2c"));
        world.uses("c").await;
        sleep(LINGER - SOON).await;
        stream.list(list("1d"));
        world.uses("d").await;
        assert_eq!(world.backend(1).open(), 1, "round {round}");
        // Its time is not still running.
        sleep(3 * LINGER).await;
        assert_eq!(world.backend(1).open(), 1, "round {round}");
    }
    assert_eq!(world.net.connects(addr(1)), 1);
    assert_eq!(world.net.connects(addr(2)), 3);
}

#[tokio::test(start_paused = true)]
async fn a_backend_listed_twice_keeps_its_connection_until_the_last_entry_is_gone() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 1b 2c")).await;
    stream.list(list("1d 2e"));
    world.uses("d").await;
    sleep(3 * LINGER).await;
    assert_eq!(world.backend(1).open(), 1);
    stream.list(list("2f"));
    world.uses("f").await;
    sleep(LINGER + SOON).await;
    assert_eq!(world.backend(1).open(), 0);
    assert_eq!(world.net.connects(addr(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn the_channels_end_closes_all_connections_also_those_that_linger() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    stream.list(list("2c"));
    world.uses("c").await;
    assert_eq!((world.backend(1).open(), world.backend(2).open()), (1, 1));
    // Another handle to the world's channel would keep it.
    let world = world.close();
    sleep(SOON).await;
    assert_eq!((world.backend(1).open(), world.backend(2).open()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_comes_back_in_the_very_moment_of_its_end_is_used() {
    let mut world = World::new(2);
    let stream = world.working(&list("1a 2b")).await;
    for round in 0..40_i32 {
        stream.list(list(&format!("2away{round}")));
        world.uses(&format!("away{round}")).await;
        // 20 ms around the end, in steps of a millisecond.
        let offset = Duration::from_millis(u64::from(round.unsigned_abs()));
        sleep(LINGER - Duration::from_millis(25) + offset).await;
        let back = format!("back{round}");
        stream.list(list(&format!("1{back} 2{back}")));
        world.uses(&back).await;
        let both = async || {
            world.token().await;
            world.token().await;
            world.backend(1).open() == 1
        };
        support::eventually("one connection to each", both).await;
    }
    let connects = world.net.connects(addr(1));
    assert!((2..40).contains(&connects), "some were in time: {connects}");
}
