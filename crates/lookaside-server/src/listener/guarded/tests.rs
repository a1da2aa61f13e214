use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::timeout,
};

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn guarded() -> (Guarded<DuplexStream>, DuplexStream, Arc<Metrics>) {
    let (ours, theirs) = duplex(1000);
    let metrics = Arc::new(Metrics::new());
    let settings = Connections::default();
    let guarded = Guarded::new(ours, &settings, LIMIT, Arc::clone(&metrics));
    (guarded, theirs, metrics)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_dribbles_its_preface_is_closed_in_time() {
    let (mut guarded, mut peer, metrics) = guarded();
    let started = Instant::now();
    let dribble = tokio::spawn(async move {
        for byte in HELLO {
            let _ = peer.write_all(&[*byte]).await;
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut bytes = Vec::new();
    let error = guarded.read_to_end(&mut bytes).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert!(metrics.encode().contains("reason=\"silent\"} 1"));
    dribble.abort();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_begun_may_be_silent() {
    let (mut guarded, mut peer, _) = guarded();
    peer.write_all(HELLO).await.unwrap();
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(3600), guarded.read_to_end(&mut bytes));
    read.await.expect_err("nothing to read, and no end");
    assert_eq!(bytes, HELLO);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_floods_is_read_slowly_and_not_closed() {
    let (mut guarded, mut peer, _) = guarded();
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let flood = tokio::spawn(async move {
        peer.write_all(HELLO).await.unwrap();
        while peer.write_all(&ping).await.is_ok() {}
    });
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(10), guarded.read_to_end(&mut bytes));
    read.await.expect_err("it goes on");
    // A second's worth at once, and then so many a second; a frame's bytes count too.
    let pings = bytes.len() / ping.len();
    assert!((80_000..=110_000).contains(&pings), "{pings}");
    flood.abort();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_closed_and_one_that_takes_a_little_is_not() {
    let (mut guarded, mut peer, metrics) = guarded();
    let started = Instant::now();
    let slow = tokio::spawn(async move {
        for _ in 0..10 {
            sleep(LIMIT - Duration::from_secs(1)).await;
            peer.read_exact(&mut [0; 10]).await.unwrap();
        }
        // Still there.
        sleep(Duration::from_secs(3600)).await;
        peer
    });
    let error = guarded.write_all(&[0; 2000]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(
        started.elapsed(),
        (LIMIT - Duration::from_secs(1)) * 10 + LIMIT
    );
    assert!(metrics.encode().contains("reason=\"stalled\"} 1"));
    slow.abort();
}
