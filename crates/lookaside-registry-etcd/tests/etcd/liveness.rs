use std::{sync::Arc, time::Duration};

use lookaside_registry::Freshness;
use tokio::time::{Instant, timeout};

use crate::{
    proxy::{Mode, Proxy},
    server::Etcd,
    support::{Followed, config, is_stale, is_synced},
};

#[tokio::test]
async fn a_quiet_etcd_is_not_taken_for_dead() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    let mut followed = Followed::start(etcd.config()).await;
    let first = followed.until_synced().await;
    // Ten times the silence after which a watch is doubted.
    let quiet = async {
        loop {
            followed.states.changed().await.unwrap();
            let state = Arc::clone(&*followed.states.borrow_and_update());
            assert!(is_synced(&state), "{:?}", state.freshness);
        }
    };
    assert!(timeout(Duration::from_millis(2500), quiet).await.is_err());
    let last = followed.until_synced().await;
    let (Freshness::Synced { as_of: before }, Freshness::Synced { as_of: after }) =
        (&first.freshness, &last.freshness)
    else {
        unreachable!()
    };
    assert!(
        *after > *before + Duration::from_secs(1),
        "its age is renewed"
    );
    assert!(Arc::ptr_eq(
        first.backends.as_ref().unwrap(),
        last.backends.as_ref().unwrap()
    ));
}

#[tokio::test]
async fn a_silent_connection_is_noticed_and_replaced() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    let proxy = Proxy::to(etcd.client_port).await;
    let mut followed = Followed::start(config(proxy.address)).await;
    followed.until_synced().await;
    let start = Instant::now();
    proxy.set(Mode::SwallowOld);
    etcd.put_backend("orders", "a", 2).await;
    // Through a new connection: silence, question, read, all unanswered.
    followed.until_weights("orders", &[("a", 2)]).await;
    let bound = Duration::from_millis(250 + 250 + 1000) + Duration::from_secs(3);
    assert!(start.elapsed() < bound, "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_etcd_that_stops_answering_is_stale_until_it_answers_again() {
    let etcd = Etcd::start().await;
    etcd.put_backend("orders", "a", 1).await;
    let proxy = Proxy::to(etcd.client_port).await;
    let mut followed = Followed::start(config(proxy.address)).await;
    followed.until_synced().await;
    proxy.set(Mode::Hold);
    let stale = followed.until("stale", |it| is_stale(it)).await;
    let Freshness::Stale { error, .. } = &stale.freshness else {
        unreachable!()
    };
    // Silent, or never confirmed if it had just been opened.
    let expected = ["silent", "not confirmed"];
    assert!(expected.iter().any(|it| error.contains(it)), "{error}");
    etcd.put_backend("orders", "a", 2).await;
    proxy.set(Mode::Forward);
    followed.until_weights("orders", &[("a", 2)]).await;
    followed.until_synced().await;
}
