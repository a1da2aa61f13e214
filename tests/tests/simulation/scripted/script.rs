//! What balancers say, and to whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
};

use lookaside_proto::lb::{ClientStats, Server, ServerList};
use tokio::{sync::watch, time::Instant};

use super::places::backend_at;

/// The tokens of drops.
pub const DROPS: [&str; 2] = ["overload", "tests"];

/// One entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Backend(usize),
    Drop(&'static str),
}

/// A list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing(pub Vec<Slot>);

/// The token of a backend in all lists.
pub fn token(backend: usize) -> String {
    format!("token-{backend}")
}

impl Listing {
    pub fn addresses(&self) -> BTreeSet<SocketAddr> {
        let backend = |slot: &Slot| match slot {
            Slot::Backend(n) => Some(backend_at(*n)),
            Slot::Drop(_) => None,
        };
        self.0.iter().filter_map(backend).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_only_drops(&self) -> bool {
        !self.is_empty() && self.addresses().is_empty()
    }

    pub fn drops(&self, category: &str) -> usize {
        let is = |slot: &&Slot| matches!(slot, Slot::Drop(it) if *it == category);
        self.0.iter().filter(is).count()
    }

    pub fn message(&self) -> ServerList {
        let server = |slot: &Slot| match slot {
            Slot::Backend(n) => {
                let at = backend_at(*n);
                let IpAddr::V4(ip) = at.ip() else {
                    unreachable!("all are")
                };
                Server {
                    ip_address: ip.octets().to_vec(),
                    port: at.port().into(),
                    load_balance_token: token(*n),
                    drop: false,
                }
            }
            Slot::Drop(category) => Server {
                load_balance_token: (*category).to_owned(),
                drop: true,
                ..Server::default()
            },
        };
        ServerList {
            servers: self.0.iter().map(server).collect(),
        }
    }
}

/// What every balancer says that can be talked to.
#[derive(Clone, Debug)]
pub enum Said {
    List(Arc<Listing>),
    Fallback,
}

/// Sums of reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    pub started: u64,
    pub finished: u64,
    pub dropped: BTreeMap<String, u64>,
}

/// One stream, as its balancer sees it.
#[derive(Debug)]
pub struct Stream {
    pub opened: Instant,
    pub said: Vec<Said>,
}

impl Stream {
    pub fn lists(&self) -> impl Iterator<Item = &Arc<Listing>> {
        self.said.iter().filter_map(|said| match said {
            Said::List(list) => Some(list),
            Said::Fallback => None,
        })
    }

    /// Whether it said to fall back after so many lists.
    pub fn falls_back_after(&self, lists: usize) -> bool {
        let mut left = lists;
        let later = self.said.iter().skip_while(|said| {
            let before = left > 0;
            left -= usize::from(before && matches!(said, Said::List(_)));
            before
        });
        later.into_iter().any(|said| matches!(said, Said::Fallback))
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Script {
    pub said: watch::Sender<Said>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
pub struct State {
    /// In the order in which the client opened them.
    pub streams: Vec<Stream>,
    pub reported: Reported,
}

impl Script {
    pub fn new(listing: Listing) -> Self {
        Self {
            said: watch::Sender::new(Said::List(Arc::new(listing))),
            state: Arc::default(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns which one it is.
    pub fn opened(&self) -> usize {
        let mut state = self.lock();
        state.streams.push(Stream {
            opened: Instant::now(),
            said: Vec::new(),
        });
        state.streams.len() - 1
    }

    pub fn says(&self, stream: usize, said: &Said) {
        self.lock().streams[stream].said.push(said.clone());
    }

    pub fn reported(&self, stats: &ClientStats) {
        let mut state = self.lock();
        let sum = &mut state.reported;
        let count = |calls: i64| u64::try_from(calls).expect("not below zero");
        sum.started += count(stats.num_calls_started);
        sum.finished += count(stats.num_calls_finished);
        for drop in &stats.calls_finished_with_drop {
            let dropped = sum.dropped.entry(drop.load_balance_token.clone());
            *dropped.or_default() += count(drop.num_calls);
        }
    }
}
