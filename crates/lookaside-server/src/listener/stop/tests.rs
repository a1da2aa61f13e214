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
    UntilStopped::new(Connection(Box::pin(hour)), Arc::clone(stop))
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
