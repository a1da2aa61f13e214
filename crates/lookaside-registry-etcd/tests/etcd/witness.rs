//! Watches everything that a registry publishes, and compares it with the truth.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use lookaside_core::{Revision, Service, ServiceName, ServiceSettings};
use lookaside_registry::{Freshness, Registry, RegistryState, parse_settings};
use lookaside_tests::etcd::{Epoch, History};
use tokio::task::JoinHandle;

const BACKENDS: &str = "services/";
const SETTINGS: &str = "lookaside/config/";

/// Sums what single keys say, so that a change costs only what changed.
type Digest = u64;

fn digest(of: impl Hash) -> Digest {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// One published state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    revision: Revision,
    digest: Digest,
}

/// All published states of one prefix, in their order, without repetitions.
#[derive(Debug, Default)]
struct Half {
    seen: Vec<Seen>,
}

impl Half {
    fn see(&mut self, seen: Seen) {
        if self.seen.last() != Some(&seen) {
            self.seen.push(seen);
        }
    }
}

#[derive(Debug, Default)]
struct Observed {
    backends: Half,
    settings: Half,
    stale: bool,
}

/// Records every state that can be seen.
pub(crate) struct Witness {
    task: JoinHandle<Observed>,
    stop: tokio::sync::oneshot::Sender<()>,
}

/// What there was to see.
pub(crate) struct Report {
    /// How many different states of the backends.
    pub(crate) states: usize,
    /// Whether it was stale at some time.
    pub(crate) stale: bool,
}

impl Witness {
    pub(crate) fn of(registry: &impl Registry) -> Self {
        let mut states = registry.subscribe();
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut observed = Observed::default();
            let mut backends = Cache::default();
            let mut settings = Cache::default();
            loop {
                let state = Arc::clone(&states.borrow_and_update());
                observe(&state, &mut observed, &mut backends, &mut settings);
                tokio::select! {
                    changed = states.changed() => if changed.is_err() { break },
                    _ = &mut stopped => break,
                }
            }
            observed
        });
        Self { task, stop }
    }

    /// Every state that was published is one that etcd was in at that revision, and
    /// none is older than the one before it, but for a restore.
    pub(crate) async fn check(self, history: &History) -> Report {
        let _ = self.stop.send(());
        let observed = self.task.await.unwrap();
        let backends = Truth::new(history, BACKENDS, backend);
        backends.check(&observed.backends.seen);
        let settings = Truth::new(history, SETTINGS, setting);
        settings.check(&observed.settings.seen);
        Report {
            states: observed.backends.seen.len(),
            stale: observed.stale,
        }
    }
}

fn observe(
    state: &RegistryState,
    observed: &mut Observed,
    backends: &mut Cache<Service>,
    settings: &mut Cache<ServiceSettings>,
) {
    observed.stale |= matches!(state.freshness, Freshness::Stale { .. });
    match &state.backends {
        Some(it) => {
            let strays = it.problems.iter().map(|it| stray(&it.key, it.revision));
            let digest = backends.sum(&it.services, service_digest);
            observed.backends.see(Seen {
                revision: it.revision,
                digest: strays.fold(digest, Digest::wrapping_add),
            });
        }
        None => assert!(observed.backends.seen.is_empty(), "backends were forgotten"),
    }
    match &state.settings {
        Some(it) => observed.settings.see(Seen {
            revision: it.revision,
            digest: settings.sum(&it.services, |name, it| {
                digest((name.as_str(), format!("{:?}", it.settings)))
            }),
        }),
        None => assert!(observed.settings.seen.is_empty(), "settings were forgotten"),
    }
}

/// The digests of services that did not change.
struct Cache<S>(HashMap<ServiceName, (Arc<S>, Digest)>);

impl<S> Default for Cache<S> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<S> Cache<S> {
    fn sum(
        &mut self,
        services: &BTreeMap<ServiceName, Arc<S>>,
        digest: impl Fn(&ServiceName, &S) -> Digest,
    ) -> Digest {
        self.0.retain(|name, _| services.contains_key(name));
        services.iter().fold(0, |sum, (name, service)| {
            let digest = match self.0.get(name) {
                Some((same, digest)) if Arc::ptr_eq(same, service) => *digest,
                _ => {
                    let digest = digest(name, service);
                    let entry = (Arc::clone(service), digest);
                    self.0.insert(name.clone(), entry);
                    digest
                }
            };
            sum.wrapping_add(digest)
        })
    }
}

fn service_digest(_: &ServiceName, service: &Service) -> Digest {
    let backends = service.backends.iter().map(|it| {
        let address = it.address.to_string();
        digest((&*it.key, address, it.weight, it.revision))
    });
    let problems = service.problems.iter();
    let problems = problems.map(|it| stray(&it.key, it.revision));
    backends.chain(problems).fold(0, Digest::wrapping_add)
}

fn stray(key: &str, revision: Revision) -> Digest {
    digest((key, "unreadable", revision))
}

/// What a key under `services/` says. Written again from what is documented, not with
/// the code under test.
fn backend(key: &str, value: &[u8], revision: Revision) -> Digest {
    let read = || {
        let it: serde_json::Value = serde_json::from_slice(value).ok()?;
        let weight = it["Metadata"]["weight"].as_u64()?;
        let address = it["Addr"].as_str()?.to_owned();
        Some((address, u32::try_from(weight).ok()?))
    };
    match read() {
        Some((address, weight)) => digest((key, address, weight, revision)),
        None => stray(key, revision),
    }
}

/// What a key under `lookaside/config/` says; tests write good settings only.
fn setting(key: &str, value: &[u8], _: Revision) -> Digest {
    let settings = parse_settings(value).unwrap();
    let service = key.strip_prefix(SETTINGS).unwrap();
    digest((service, format!("{settings:?}")))
}

type Read = fn(&str, &[u8], Revision) -> Digest;

/// The true states of one prefix.
struct Truth {
    prefix: &'static str,
    epochs: Vec<BTreeMap<Revision, Digest>>,
}

impl Truth {
    fn new(history: &History, prefix: &'static str, read: Read) -> Self {
        let epochs = history.epochs.iter();
        Self {
            prefix,
            epochs: epochs.map(|it| digests(it, prefix, read)).collect(),
        }
    }

    fn confirms(&self, epoch: usize, seen: Seen) -> bool {
        let at = self.epochs[epoch].range(..=seen.revision).next_back();
        at.is_some_and(|(_, digest)| *digest == seen.digest)
    }

    fn check(&self, all: &[Seen]) {
        let (mut epoch, mut last) = (0, 0);
        for (n, seen) in all.iter().enumerate() {
            let prefix = self.prefix;
            if seen.revision >= last && self.confirms(epoch, *seen) {
                last = seen.revision;
                continue;
            }
            let later = (epoch + 1..self.epochs.len()).find(|it| self.confirms(*it, *seen));
            let Some(later) = later else {
                let known = (0..self.epochs.len()).find(|it| self.confirms(*it, *seen));
                match known {
                    Some(known) => panic!(
                        "{prefix}: state {n} is old: {seen:?} of epoch {known}, after {last} of {epoch}"
                    ),
                    None => panic!("{prefix}: state {n} was never true: {seen:?}, after {last}"),
                }
            };
            (epoch, last) = (later, seen.revision);
        }
    }
}

/// The state at each revision that changed it.
fn digests(epoch: &Epoch, prefix: &str, read: Read) -> BTreeMap<Revision, Digest> {
    let of = |key: &[u8], value: &[u8], revision| {
        let key = String::from_utf8_lossy(key);
        if key.starts_with(prefix) {
            read(&key, value, revision)
        } else {
            0
        }
    };
    let mut single: BTreeMap<&[u8], Digest> = BTreeMap::new();
    for (key, (value, revision)) in &epoch.base {
        single.insert(key, of(key, value, *revision));
    }
    let mut sum = single.values().copied().fold(0, Digest::wrapping_add);
    let mut all = BTreeMap::from([(epoch.from, sum)]);
    for (revision, changes) in &epoch.changes {
        for (key, value) in changes {
            let new = value.as_ref().map_or(0, |value| of(key, value, *revision));
            let old = single.insert(key, new).unwrap_or_default();
            sum = sum.wrapping_sub(old).wrapping_add(new);
        }
        all.insert(*revision, sum);
    }
    all
}

/// Whether a state is what etcd holds now.
pub(crate) fn is_now(state: &RegistryState, history: &History) -> bool {
    let mut observed = Observed::default();
    observe(
        state,
        &mut observed,
        &mut Cache::default(),
        &mut Cache::default(),
    );
    let last = |half: Half| half.seen.last().map(|it| it.digest);
    let now = |prefix, read| {
        let digests = digests(history.epochs.last()?, prefix, read);
        digests.into_values().next_back()
    };
    state.is_complete()
        && last(observed.backends) == now(BACKENDS, backend)
        && last(observed.settings) == now(SETTINGS, setting)
}

/// In what a state differs from what etcd holds now.
pub(crate) fn difference(state: &RegistryState, history: &History) -> String {
    let epoch = history.epochs.last().unwrap();
    let mut held: BTreeMap<String, Revision> = BTreeMap::new();
    let base = epoch.base.iter();
    held.extend(base.map(|(key, (_, at))| (String::from_utf8_lossy(key).into(), *at)));
    for (at, changes) in &epoch.changes {
        for (key, value) in changes {
            let key = String::from_utf8_lossy(key).into_owned();
            match value {
                Some(_) => _ = held.insert(key, *at),
                None => _ = held.remove(&key),
            }
        }
    }
    held.retain(|key, _| key.starts_with(BACKENDS));
    let services = state.backends.iter().flat_map(|it| it.services.values());
    let shown: BTreeMap<String, Revision> = services
        .flat_map(|it| &it.backends)
        .map(|it| (it.key.to_string(), it.revision))
        .collect();
    let revision = state.backends.as_ref().map(|it| it.revision);
    let only = |one: &BTreeMap<String, Revision>, other: &BTreeMap<String, Revision>| {
        let mut one = one.clone();
        one.retain(|key, at| other.get(key) != Some(at));
        one
    };
    format!(
        "{:?} at {revision:?} of {}; only in etcd: {:?}; only here: {:?}",
        state.freshness,
        epoch.until,
        only(&held, &shown),
        only(&shown, &held)
    )
}
