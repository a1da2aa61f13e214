//! Backends that vanish together: rule 4 of `docs/lists.md`.

use std::time::Duration;

use lookaside_core::Settings;
use tokio::time::{Instant, sleep, timeout};

use crate::kit::{Fixture, Stream, backend};

/// Longer than anything is held, and than a service is kept that nobody has.
const LONG: Duration = Duration::from_secs(60);

async fn says_nothing(stream: &mut Stream, time: Duration) {
    let said = timeout(time, stream.next()).await;
    assert!(said.is_err(), "{said:?}");
}

/// Six backends of `orders`, there for a minute, and a stream that has their list.
async fn settled(fixture: &Fixture) -> Stream {
    fixture.registry.set("orders", (1..=6).map(backend));
    let mut stream = fixture.stream("orders").await;
    assert_eq!(stream.first_ports().await.len(), 6);
    sleep(LONG).await;
    stream
}

#[tokio::test(start_paused = true)]
async fn a_stream_hears_nothing_of_leases_that_run_out_while_the_backends_live() {
    let fixture = Fixture::new().await;
    let mut stream = settled(&fixture).await;
    fixture.prober.set_alive(true);
    fixture.registry.remove("orders");
    says_nothing(&mut stream, Duration::from_secs(10)).await;
    let described = fixture.inspect().await.get("orders").await.unwrap();
    assert_eq!(described.backends.len(), 6);
    for suspect in &described.backends {
        assert_eq!((&*suspect.state, suspect.slots), ("suspect", 1));
        assert!(suspect.reason.contains("and it answers"), "{suspect:?}");
        assert!(suspect.reason.contains("hold_down"), "{suspect:?}");
        assert!(suspect.suspect_since.is_some());
    }
    fixture.registry.set("orders", (1..=6).map(backend));
    says_nothing(&mut stream, LONG).await;
    let described = fixture.inspect().await.get("orders").await.unwrap();
    assert!(described.backends.iter().all(|it| it.state == "serving"));
    assert_eq!(described.plan_version, 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_stream_gets_the_list_with_the_suspects() {
    let fixture = Fixture::new().await;
    let _stream = settled(&fixture).await;
    fixture.prober.set_alive(true);
    fixture.registry.remove("orders");
    let mut late = fixture.stream("orders").await;
    assert_eq!(late.first_ports().await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_dead_leave_a_list_at_once() {
    let fixture = Fixture::new().await;
    let mut stream = settled(&fixture).await;
    let began = Instant::now();
    fixture.registry.set("orders", (5..=6).map(backend));
    assert_eq!(stream.ports().await, [5, 6]);
    assert!(
        began.elapsed() < Duration::from_millis(10),
        "as they refuse"
    );
}

#[tokio::test(start_paused = true)]
async fn suspects_that_die_leave_within_a_second() {
    let fixture = Fixture::new().await;
    let mut stream = settled(&fixture).await;
    fixture.prober.set_alive(true);
    fixture.registry.set("orders", [backend(6)]);
    says_nothing(&mut stream, Duration::from_millis(4500)).await;
    fixture.prober.set_alive(false);
    let began = Instant::now();
    while stream.ports().await != [6] {}
    assert!(began.elapsed() < Duration::from_millis(1200));
}

#[tokio::test(start_paused = true)]
async fn suspects_leave_after_hold_down_and_at_once_without_it() {
    for (hold_down, after) in [(None, 30), (Some(5), 5), (Some(0), 0)] {
        let fixture = Fixture::new().await;
        let mut settings = Settings::default();
        settings.hold_down = hold_down.map(Duration::from_secs);
        fixture.registry.set_settings("orders", settings);
        let mut stream = settled(&fixture).await;
        fixture.prober.set_alive(true);
        let began = Instant::now();
        fixture.registry.set("orders", [backend(6)]);
        assert_eq!(stream.ports().await, [6]);
        assert_eq!(began.elapsed().as_secs(), after, "{hold_down:?}");
    }
}
