use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::Code;

use crate::kit::{Fixture, MERGED, backend};

#[tokio::test(start_paused = true)]
async fn a_stream_gets_an_initial_response_and_the_list_at_once_and_then_every_change() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    tokio::time::sleep(MERGED).await;
    let started = Instant::now();
    let mut stream = fixture.stream("orders").await;
    assert_eq!(stream.first_ports().await, [1]);
    assert_eq!(started.elapsed(), Duration::ZERO);

    fixture.registry.set("orders", [backend(1), backend(2)]);
    assert_eq!(stream.ports().await, [1, 2]);
    assert_eq!(started.elapsed(), Duration::ZERO);
    timeout(Duration::from_secs(3600), stream.next())
        .await
        .expect_err("nothing changed, nothing to say");
}

#[tokio::test(start_paused = true)]
async fn half_close_ends_the_stream_with_ok_after_the_list() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let mut stream = fixture.stream("orders").await;
    stream.half_close();
    assert_eq!(stream.first_ports().await, [1]);
    assert_eq!(stream.ended().await, (Code::Ok, String::new()));
}
