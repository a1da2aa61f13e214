use tokio::time::timeout;

use super::*;

const LIMIT: Duration = Duration::from_secs(300);

#[tokio::test(start_paused = true)]
async fn a_connection_is_idle_so_long_after_its_last_request() {
    let started = Instant::now();
    let connection = Connection::local();
    let requests = tokio::spawn({
        let connection = Arc::clone(&connection);
        async move {
            sleep(LIMIT - Duration::from_secs(1)).await;
            let long = connection.begin_request();
            let short = connection.begin_request();
            drop(short);
            sleep(Duration::from_secs(3600)).await;
            drop(long);
            started.elapsed()
        }
    });
    Idle::new(connection, LIMIT).unwrap().await;
    assert_eq!(started.elapsed(), requests.await.unwrap() + LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_any_request_is_idle_from_the_start() {
    let connection = Connection::local();
    let idle = Idle::new(Arc::clone(&connection), LIMIT).unwrap();
    timeout(LIMIT, idle).await.unwrap();
    assert!(Idle::new(connection, Duration::ZERO).is_none(), "never");
}
