//! Clients that do not read.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::kit::{Client, Fixture, backend};

/// A client whose windows are so small that it never takes a whole list.
async fn narrow(fixture: &Fixture) -> Client {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(100);
    Client::connect_with(&fixture.balancer, &builder).await
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pauses_gets_the_update_in_flight_and_then_the_newest() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", (1..=50).map(backend));
    let client = narrow(&fixture).await;
    let mut paused = client.ask("orders").await;
    let mut other = fixture.stream("orders").await;
    assert_eq!(other.first_ports().await.len(), 50);
    paused.answered().await;
    for n in 51..=70 {
        sleep(Duration::from_secs(1)).await;
        let started = Instant::now();
        fixture.registry.set("orders", (1..=n).map(backend));
        assert_eq!(other.ports().await.len(), usize::from(n));
        assert_eq!(started.elapsed(), Duration::ZERO, "nobody else waits");
    }
    assert_eq!(paused.first_ports().await.len(), 50, "what was in flight");
    assert_eq!(paused.ports().await.len(), 70, "and no older one");
    timeout(Duration::from_secs(10), paused.next())
        .await
        .expect_err("nothing in between");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_half_closes_and_never_reads_is_closed_after_a_deadline_too() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", (1..=50).map(backend));
    let client = narrow(&fixture).await;
    let mut stuck = client.ask("orders").await;
    let started = Instant::now();
    stuck.half_close();
    let reset = timeout(Duration::from_secs(60), stuck.reset()).await;
    reset.expect("it holds a list, and no limit counts it");
    let waited = started.elapsed().as_secs();
    assert!((30..=36).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_network_stalls_gets_no_queue_of_old_lists_either() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", (1..=50).map(backend));
    // Its windows have room for hundreds of lists, the way to it not even for one.
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 20);
    let (client, stall) = Client::connect_through(&fixture.balancer, &builder, 1024).await;
    let mut stalled = client.ask("orders").await;
    assert_eq!(stalled.first_ports().await.len(), 50);
    stall.send_replace(true);
    for n in 51..=70 {
        sleep(Duration::from_secs(1)).await;
        fixture.registry.set("orders", (1..=n).map(backend));
    }
    sleep(Duration::from_secs(1)).await;
    stall.send_replace(false);
    let mut lists = vec![stalled.ports().await.len()];
    while lists.last() != Some(&70) {
        lists.push(stalled.ports().await.len());
    }
    assert!(lists.len() <= 3, "{lists:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_closed_after_a_deadline() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", (1..=50).map(backend));
    let client = narrow(&fixture).await;
    let mut stuck = client.ask("orders").await;
    let mut reading = client.ask("orders").await;
    stuck.answered().await;
    assert_eq!(reading.first_ports().await.len(), 50);
    let started = Instant::now();
    // An update that cannot leave.
    for n in 51..=52 {
        sleep(Duration::from_secs(1)).await;
        fixture.registry.set("orders", (1..=n).map(backend));
        assert_eq!(reading.ports().await.len(), usize::from(n));
    }
    stuck.reset().await;
    let waited = started.elapsed().as_secs();
    assert!((30..=36).contains(&waited), "{waited}");
    let metrics = fixture.metrics().await;
    assert!(
        metrics.contains("\nlookaside_streams_stuck_total 1\n"),
        "{metrics}"
    );
    // The connection and its other streams go on.
    fixture.registry.set("orders", (1..=3).map(backend));
    assert_eq!(reading.ports().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_byte_a_second_is_closed_and_one_that_reads_slowly_is_not() {
    let fixture = Fixture::with(|config| config.connections.write_rate = 1000).await;
    // Some 30 kB.
    let many = || (1..=1000).map(backend);
    fixture.registry.set("orders", many());
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(2000);
    let client = Client::connect_with(&fixture.balancer, &builder).await;
    let started = Instant::now();
    let mut dribbling = client.ask("orders").await;
    dribbling.answered().await;
    let mut slow = client.ask("orders").await;
    slow.answered().await;
    let slow = tokio::spawn(async move {
        let mut read = 0;
        while read < 29_000 {
            sleep(Duration::from_secs(1)).await;
            read += slow.read_some(700).await;
            assert!(started.elapsed().as_secs() < 60, "{read}");
        }
        let took = started.elapsed().as_secs();
        assert!(took > 35, "{took}: longer than one that takes nothing has");
        slow
    });
    while started.elapsed().as_secs() < 1000
        && !dribbling.is_reset_within(Duration::from_secs(1)).await
    {
        dribbling.read_some(1).await;
    }
    let waited = started.elapsed().as_secs();
    assert!(
        (60..=110).contains(&waited),
        "{waited}: 30 s, and a second for each kB"
    );
    assert!(
        !slow
            .await
            .unwrap()
            .is_reset_within(Duration::from_secs(1))
            .await
    );
}
