use tokio::task::JoinHandle;

use super::*;
use crate::policy::testing::address;

const WAIT: Duration = Duration::from_secs(60);

fn balancers<const N: usize>(ns: [u8; N]) -> Arc<[Address]> {
    ns.map(address).into()
}

/// Balancers 1 and 2, and somebody who waits; how long is told.
async fn waiting(wait: Duration) -> (Known, JoinHandle<Duration>) {
    let known = Known::default();
    let mut newcomers = known.newcomers();
    known.set(&balancers([1, 2]));
    let waited = tokio::spawn(async move {
        let began = Instant::now();
        newcomers.or_sleep(wait).await;
        began.elapsed()
    });
    tokio::task::yield_now().await;
    (known, waited)
}

#[tokio::test(start_paused = true)]
async fn new_balancers_end_the_wait_once_they_had_time_to_connect() {
    let (known, waited) = waiting(WAIT).await;
    tokio::time::advance(WAIT / 2).await;
    known.set(&balancers([2, 3]));
    assert_eq!(waited.await.unwrap(), WAIT / 2 + CONNECT_TIME);
}

#[tokio::test(start_paused = true)]
async fn they_do_not_prolong_it() {
    let (known, waited) = waiting(CONNECT_TIME / 2).await;
    known.set(&balancers([2, 3]));
    assert_eq!(waited.await.unwrap(), CONNECT_TIME / 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_balancers_in_another_order_or_fewer_of_them_do_not() {
    let (known, waited) = waiting(WAIT).await;
    known.set(&balancers([2, 1]));
    known.set(&balancers([1]));
    assert_eq!(waited.await.unwrap(), WAIT);
}

#[tokio::test(start_paused = true)]
async fn nor_does_an_end_of_all_news() {
    let (known, waited) = waiting(WAIT).await;
    drop(known);
    assert_eq!(waited.await.unwrap(), WAIT);
}
