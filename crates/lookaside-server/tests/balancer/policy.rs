//! Settings and overrides of one service, as its clients see them.

use std::time::Duration;

use lookaside_core::{BackendId, Override, Settings};
use lookaside_proto::lb::load_balance_response::LoadBalanceResponseType as Tell;
use tokio::time::sleep;

use crate::kit::{Fixture, MERGED, Stream, backend};

async fn told_interval(stream: &mut Stream) -> Option<i64> {
    match stream.next().await {
        Some(Tell::InitialResponse(initial)) => {
            initial.client_stats_report_interval.map(|it| it.seconds)
        }
        other => panic!("expected an initial response, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn new_streams_are_told_the_report_interval_that_is_set() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    fixture.registry.set("users", [backend(1)]);
    let mut first = fixture.stream("orders").await;
    assert_eq!(told_interval(&mut first).await, Some(10));
    sleep(MERGED).await;
    let mut settings = Settings::default();
    settings.report_interval = Some(Duration::from_secs(3));
    fixture.registry.set_settings("orders", settings.clone());
    assert_eq!(
        told_interval(&mut fixture.stream("orders").await).await,
        Some(3)
    );
    sleep(MERGED).await;
    settings.report_interval = Some(Duration::ZERO);
    fixture.registry.set_settings("orders", settings);
    assert_eq!(
        told_interval(&mut fixture.stream("orders").await).await,
        None
    );
    assert_eq!(
        told_interval(&mut fixture.stream("users").await).await,
        Some(10)
    );
    // Nothing that the open one sees has changed.
    assert_eq!(first.ports().await, [1]);
    fixture.registry.set("orders", [backend(2)]);
    assert_eq!(first.ports().await, [2]);
}

#[tokio::test(start_paused = true)]
async fn overrides_reach_the_streams_and_end() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1), backend(2)]);
    let mut stream = fixture.stream("orders").await;
    assert_eq!(stream.first_ports().await, [1, 2]);
    sleep(MERGED).await;
    let b1 = || BackendId::new("b1").unwrap();
    let registry = &fixture.registry;
    registry.set_overrides("orders", [Override::Drain(b1())]);
    assert_eq!(stream.ports().await, [2]);
    sleep(MERGED).await;
    registry.set_overrides("orders", [Override::Weight(b1(), 2)]);
    assert_eq!(stream.ports().await, [1, 1, 2]);
    sleep(MERGED).await;
    registry.set_overrides("orders", [Override::Fallback(true)]);
    stream.fallback().await;
    sleep(MERGED).await;
    registry.set_overrides("orders", []);
    assert_eq!(stream.ports().await, [1, 2]);
}
