use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep};

use crate::kit::{Fixture, MERGED, backend};

const CONNECTIONS: usize = 50;
const STREAMS: usize = 60;

#[tokio::test(start_paused = true)]
async fn thousands_of_streams_all_get_every_update_spread_over_the_rotations() {
    let fixture = Fixture::with(|config| config.limits.streams_per_second_per_name = 0).await;
    fixture.registry.set("orders", (1..=16).map(backend));
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = fixture.connect().await;
        for _ in 0..STREAMS {
            streams.push(client.ask("orders").await);
        }
    }
    let mut firsts: BTreeMap<i32, usize> = BTreeMap::new();
    for stream in &mut streams {
        stream.initial().await;
        *firsts.entry(stream.list().await[0].port).or_default() += 1;
    }
    let even = CONNECTIONS * STREAMS / 16;
    assert!(
        firsts.values().all(|&n| n.abs_diff(even) <= 1),
        "{firsts:?}"
    );
    sleep(MERGED).await;
    let started = Instant::now();
    fixture.registry.set("orders", (1..=17).map(backend));
    for stream in &mut streams {
        assert_eq!(stream.list().await.len(), 17);
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    let mut inspect = fixture.inspect().await;
    let service = inspect.get("orders").await.unwrap();
    assert_eq!(service.streams as usize, CONNECTIONS * STREAMS);
    drop(streams);
    while inspect.get("orders").await.unwrap().streams > 0 {
        tokio::task::yield_now().await;
    }
}
