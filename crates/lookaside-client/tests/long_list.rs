//! A long list that changes a little: what stays is not touched.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use lookaside_client::{Channel, Event, Observer};
use lookaside_proto::lb::Server;
use support::{
    backend::Backend,
    balancer::{Balancer, drop_entry, server},
    calls::call,
    eventually,
    net::Net,
};
use tokio::time::sleep;

const BACKENDS: u16 = 1000;

/// `at(258)` is 10.2.1.2:1.
fn at(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, 2, high, low), 1))
}

fn entry(n: u16) -> Server {
    server(at(n), &format!("token-{n}"))
}

/// How often a connection has changed its state.
#[derive(Default)]
struct Changes(AtomicUsize);

impl Observer for Changes {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Subchannel { .. } = event {
            self.0.fetch_add(1, SeqCst);
        }
    }
}

struct World {
    net: Net,
    backends: Vec<Backend>,
    channel: Channel,
    stream: support::balancer::BalancerStream,
    _balancer: Balancer,
    changes: Arc<Changes>,
}

impl World {
    /// All of the list are connected; one more backend is not in it.
    async fn start(list: &[Server]) -> Self {
        let net = Net::default();
        let backends: Vec<_> = (0..=BACKENDS)
            .map(|n| Backend::start(&net, at(n)))
            .collect();
        let mut balancer = Balancer::start(&net, support::addr(100));
        let changes = Arc::new(Changes::default());
        let channel = Channel::builder("orders")
            .balancers([support::text(100)])
            .connector(net.clone())
            .observer(Arc::clone(&changes) as Arc<dyn Observer>)
            .build()
            .unwrap();
        let stream = balancer.stream().await;
        stream.list(list.iter().cloned());
        let world = Self {
            net,
            backends,
            channel,
            stream,
            _balancer: balancer,
            changes,
        };
        eventually("all are connected", async || world.open() == 1000).await;
        // Until the picker has all of them.
        sleep(Duration::from_millis(100)).await;
        world
    }

    /// How many connections are open.
    fn open(&self) -> usize {
        self.backends.iter().map(Backend::open).sum()
    }

    /// How often somebody has connected.
    fn connects(&self) -> usize {
        let backends = self.backends.iter();
        backends.map(|backend| self.net.connects(backend.at)).sum()
    }

    fn changes(&self) -> usize {
        self.changes.0.load(SeqCst)
    }

    /// The tokens of a thousand calls; in turn over a list, all of them.
    async fn tokens(&self) -> BTreeSet<String> {
        let mut tokens = BTreeSet::new();
        for _ in 0..BACKENDS {
            tokens.insert(call(&self.channel).await.unwrap().lb_token);
        }
        tokens
    }
}

fn tokens(list: &[Server]) -> BTreeSet<String> {
    let tokens = list.iter().map(|server| server.load_balance_token.clone());
    tokens.collect()
}

#[tokio::test(start_paused = true)]
async fn a_list_of_1000_that_changes_by_one_opens_one_connection_and_closes_none() {
    let mut list: Vec<_> = (0..BACKENDS).map(entry).collect();
    let world = World::start(&list).await;
    assert_eq!((world.connects(), world.open()), (1000, 1000));
    assert_eq!(world.tokens().await, tokens(&list));

    let changes = world.changes();
    list[500] = entry(BACKENDS);
    world.stream.list(list.iter().cloned());
    eventually("the newcomer is connected", async || world.open() == 1001).await;
    sleep(Duration::from_millis(100)).await;
    // Two changes, both the newcomer's; nobody else's connection was so much as looked at.
    assert_eq!(world.changes(), changes + 2);
    assert_eq!(world.tokens().await, tokens(&list));
    assert_eq!(world.connects(), 1001);

    // Who left lingers, and is the only one that goes.
    assert_eq!(world.backends[500].open(), 1);
    eventually("it went", async || world.backends[500].open() == 0).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!((world.connects(), world.open()), (1001, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_1000_with_another_token_order_or_drop_opens_and_closes_no_connection() {
    let mut list: Vec<_> = (0..BACKENDS).map(entry).collect();
    let world = World::start(&list).await;
    let changes = world.changes();
    list[3].load_balance_token = "another".to_owned();
    world.stream.list(list.iter().cloned());
    sleep(Duration::from_millis(100)).await;
    assert_eq!(world.tokens().await, tokens(&list));

    list.rotate_left(1);
    list.swap(7, 700);
    world.stream.list(list.iter().cloned());
    sleep(Duration::from_millis(100)).await;
    assert_eq!(world.tokens().await, tokens(&list));

    list.push(drop_entry("overload"));
    world.stream.list(list.iter().cloned());
    sleep(Duration::from_secs(60)).await;
    let mut dropped = 0;
    for _ in 0..=BACKENDS {
        dropped += usize::from(call(&world.channel).await.is_err());
    }
    assert_eq!(dropped, 1);
    assert_eq!(world.changes(), changes);
    assert_eq!((world.connects(), world.open()), (1000, 1000));
}
