use std::net::{Ipv4Addr, SocketAddr};

use tokio::sync::mpsc::Receiver;

use super::*;
use crate::{ConnectFuture, Transport};

/// Nobody is ever reached.
struct Silence;

impl Connector for Silence {
    fn connect(&self, _: &Address) -> ConnectFuture {
        Box::pin(std::future::pending::<std::io::Result<Transport>>())
    }
}

fn pool() -> (Pool, Receiver<Event>) {
    let settings = PoolSettings {
        connector: Arc::new(Silence),
        connection: ConnectionSettings::default(),
        backoff: BackoffConfig::default(),
        connect_timeout: None,
        origin: Origin {
            authority: http::uri::Authority::from_static("orders"),
            user_agent: http::HeaderValue::from_static("test"),
        },
        health: None,
    };
    Pool::new(settings, WorkScheduler::default())
}

fn handles(pool: &mut Pool, ports: std::ops::Range<u16>) -> Vec<Subchannel> {
    let address = |port| Address::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    ports.map(|port| pool.get(&address(port)).0).collect()
}

fn ids(handles: &[Subchannel]) -> Vec<SubchannelId> {
    handles.iter().map(Subchannel::id).collect()
}

#[tokio::test]
async fn a_subchannel_without_handles_lingers_and_goes() {
    let (mut pool, _events) = pool();
    let begin = Instant::now();
    drop(handles(&mut pool, 1..3));
    pool.sweep(begin);
    assert_eq!(pool.next_sweep(), Some(begin + LINGER));
    pool.sweep(begin + LINGER / 2);
    assert_eq!(pool.entries.len(), 2);
    pool.sweep(begin + LINGER);
    assert_eq!((pool.entries.len(), pool.by_address.len()), (0, 0));
    assert_eq!(pool.next_sweep(), None);
}

#[tokio::test]
async fn what_becomes_of_a_lingering_subchannel_is_told_to_nobody_but_observers() {
    let (mut pool, _events) = pool();
    let held = handles(&mut pool, 1..2);
    let ready = || Event {
        id: ids(&held)[0],
        state: SubchannelState::new(ConnectivityState::Ready),
    };
    let news = pool.apply(ready()).unwrap();
    assert_eq!(
        news.subchannel.map(|handle| handle.id()),
        Some(ids(&held)[0])
    );

    let event = ready();
    drop(held);
    pool.sweep(Instant::now());
    let news = pool.apply(event).unwrap();
    assert_eq!(news.state.connectivity, ConnectivityState::Ready);
    assert_eq!(news.address().socket_addr().unwrap().port(), 1);
    assert!(news.subchannel.is_none());
}

#[tokio::test]
async fn a_subchannel_that_is_used_again_stays_and_lingers_anew() {
    let (mut pool, _events) = pool();
    let begin = Instant::now();
    let first = ids(&handles(&mut pool, 1..2));
    pool.sweep(begin);
    let used = handles(&mut pool, 1..2);
    pool.sweep(begin + LINGER);
    assert_eq!(ids(&used), first);
    drop(used);
    pool.sweep(begin + 2 * LINGER);
    assert_eq!(pool.entries.len(), 1);
    pool.sweep(begin + 3 * LINGER);
    assert_eq!(pool.entries.len(), 0);
}

#[tokio::test]
async fn list_after_list_of_new_addresses_piles_up_no_connections() {
    let (mut pool, _events) = pool();
    let now = Instant::now();
    let mut list = handles(&mut pool, 0..100);
    for index in 1..100 {
        list = handles(&mut pool, index * 100..index * 100 + 100);
        pool.sweep(now);
    }
    assert_eq!(pool.entries.len(), MAX_LINGERING + list.len());
    // What is in use and what lingered last is there.
    let kept = ids(&list);
    let next = pool.next_id;
    assert_eq!(ids(&handles(&mut pool, 9900..10_000)), kept);
    drop(handles(&mut pool, 9000..9900));
    assert_eq!(pool.next_id, next);
}

#[tokio::test]
async fn two_long_lists_in_turn_keep_their_connections() {
    let (mut pool, _events) = pool();
    let now = Instant::now();
    let mut list = handles(&mut pool, 0..3000);
    for _ in 0..5 {
        for ports in [3000..6000, 0..3000] {
            list = handles(&mut pool, ports);
            pool.sweep(now);
        }
    }
    assert_eq!(pool.next_id, 6000);
    drop(list);
}
