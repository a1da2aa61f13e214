mod histories;
mod lost;
mod model;
mod places;
mod resume;
mod suspects;
mod threshold;

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::{Backend, BackendState, removal::Hold};

const SECOND: Duration = Duration::from_secs(1);
const HOLD_DOWN: Duration = Duration::from_secs(30);

/// A registry that a test writes to, and the removals that follow it.
struct Fixture {
    removals: Removals,
    registered: BTreeMap<ServiceName, BTreeMap<BackendId, Arc<Backend>>>,
    world: World,
    now: Instant,
}

struct World {
    hold_down: Duration,
    unresolved: bool,
}

impl Surroundings for World {
    fn hold_down(&self, _: &ServiceName) -> Duration {
        self.hold_down
    }

    fn is_drained(&self, _: &ServiceName, backend: &Backend) -> bool {
        backend.id.as_str() == "drained"
    }

    fn addresses(&self, _: &ServiceName, backend: &Backend) -> Arc<[SocketAddr]> {
        if self.unresolved {
            return Arc::default();
        }
        backend.address.socket_addr().into_iter().collect()
    }
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn id(text: &str) -> BackendId {
    BackendId::new(text).unwrap()
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn backend(id_text: &str, port: u16, state: BackendState, weight: u32) -> Arc<Backend> {
    Arc::new(Backend {
        id: id(id_text),
        address: address(port).into(),
        weight,
        zone: None,
        state,
        key: "k".into(),
        revision: 1,
    })
}

impl Fixture {
    fn new() -> Self {
        Self {
            removals: Removals::new(MassRemoval::default()),
            registered: BTreeMap::new(),
            world: World {
                hold_down: HOLD_DOWN,
                unresolved: false,
            },
            now: Instant::now(),
        }
    }

    /// With `n` backends of `orders`, `b0` at port 1000 and so on, for a minute.
    fn with(n: u16) -> Self {
        let mut fixture = Self::new();
        fixture.edit("orders", |backends| {
            for n in 0..n {
                put(backends, &format!("b{n}"), 1000 + n);
            }
        });
        fixture.after(60 * SECOND);
        fixture
    }

    /// One revision of one service.
    fn edit(&mut self, service: &str, edit: impl FnOnce(&mut BTreeMap<BackendId, Arc<Backend>>)) {
        let backends = self.registered.entry(name(service)).or_default();
        edit(backends);
        self.observe(&[service]);
    }

    fn observe(&mut self, services: &[&str]) {
        let changes = services.iter().map(|service| {
            let backends = &self.registered[&name(service)];
            let state = (!backends.is_empty()).then(|| {
                Arc::new(Service {
                    backends: backends.values().cloned().collect(),
                    problems: Vec::new(),
                })
            });
            (name(service), state)
        });
        self.removals
            .observe(changes.collect::<Vec<_>>(), &self.world, self.now);
    }

    fn remove(&mut self, service: &str, ids: &[&str]) {
        self.edit(service, |backends| {
            backends.retain(|it, _| !ids.contains(&it.as_str()));
        });
    }

    fn after(&mut self, time: Duration) {
        self.now += time;
        self.removals.pass(self.now);
    }

    /// Answers all probes that are due; gives who was asked.
    fn answer(&mut self, answer: impl Fn(&str) -> ProbeAnswer) -> Vec<String> {
        let mut asked = Vec::new();
        while let Some(probe) = self.removals.next_probe(self.now) {
            let id = probe.backend.id.to_string();
            self.removals.probed(probe.ticket, answer(&id), self.now);
            asked.push(id);
        }
        asked
    }

    fn settled(&self, service: &str) -> bool {
        self.removals.belief(&name(service)).settled
    }

    fn believed(&self, service: &str) -> Vec<String> {
        let belief = self.removals.belief(&name(service));
        let backends = belief.service.backends.iter();
        backends.map(|it| it.id.to_string()).collect()
    }

    fn suspects(&self, service: &str) -> Vec<String> {
        let belief = self.removals.belief(&name(service));
        let suspects = belief.suspects.iter();
        suspects.map(|it| it.backend.id.to_string()).collect()
    }

    /// How much longer its first suspect is held.
    fn hold(&self, service: &str) -> Hold {
        self.removals.suspects_of(&name(service))[0].hold
    }

    /// Why suspects have left since this was asked last.
    fn left(&mut self) -> Vec<Why> {
        let events = self.removals.take_events().into_iter();
        let left = |event| match event {
            RemovalEvent::Left { why, .. } => Some(why),
            _ => None,
        };
        events.filter_map(left).collect()
    }
}

fn put(backends: &mut BTreeMap<BackendId, Arc<Backend>>, id_text: &str, port: u16) {
    let new = backend(id_text, port, BackendState::Serving, 1);
    backends.insert(id(id_text), new);
}

fn alive(_: &str) -> ProbeAnswer {
    ProbeAnswer::Alive
}

fn refused(_: &str) -> ProbeAnswer {
    ProbeAnswer::Refused
}

fn silent(_: &str) -> ProbeAnswer {
    ProbeAnswer::Silent
}
