use std::time::Duration;

use tokio::time::{Sleep, timeout};

use super::*;

/// Lives for an hour, or for a second from GOAWAY on.
struct Connection(Pin<Box<Sleep>>);

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl Graceful for Connection {
    fn go_away(mut self: Pin<&mut Self>) {
        let soon = tokio::time::Instant::now() + Duration::from_secs(1);
        self.0.as_mut().reset(soon);
    }
}

fn connection(stop: &Arc<Stop>) -> UntilStopped<Connection> {
    let hour = tokio::time::sleep(Duration::from_secs(3600));
    let connection = Connection(Box::pin(hour));
    UntilStopped::new(connection, Arc::clone(stop), None, Arc::new(Metrics::new()))
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_told_to_go_and_then_to_stop() {
    let stop = Arc::new(Stop::default());
    let one = tokio::spawn(connection(&stop));
    let other = tokio::spawn(connection(&stop));
    tokio::task::yield_now().await;
    stop.go_away();
    assert_eq!(one.await.unwrap(), Some(()), "it ended by itself");
    assert_eq!(other.await.unwrap(), Some(()));

    let third = tokio::spawn(connection(&stop));
    let soon = timeout(Duration::from_secs(2), third).await;
    assert_eq!(soon.unwrap().unwrap(), Some(()), "told at its first poll");

    let stop = Arc::new(Stop::default());
    let stuck = tokio::spawn(connection(&stop));
    tokio::task::yield_now().await;
    stop.abort();
    assert_eq!(stuck.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_told_to_go_once() {
    let hour = tokio::time::sleep(Duration::from_secs(3600));
    let of = crate::listener::Connection::local();
    let metrics = Arc::new(Metrics::new());
    let idle = Idle::new(of, Duration::from_secs(300));
    let connection = Connection(Box::pin(hour));
    let started = tokio::time::Instant::now();
    let driven = UntilStopped::new(connection, Arc::default(), idle, Arc::clone(&metrics));
    assert_eq!(driven.await, Some(()));
    assert_eq!(started.elapsed(), Duration::from_secs(301));
    assert!(metrics.encode().contains("reason=\"idle\"} 1"));
}
