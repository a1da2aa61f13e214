mod judged;
mod orders;

use std::{path::Path, time::SystemTime};

use lookaside_core::{BackendState, ServiceName, Settings, Snapshot};

use super::*;
use crate::{Claim, DEFAULT_TTL, Handle, MemoryLimits, Registration};

const GRACE: Duration = Duration::from_secs(2);

/// A registry that says what it is told to say.
#[derive(Debug)]
struct Puppet(watch::Sender<Arc<RegistryState>>);

impl Puppet {
    fn connecting() -> Arc<Self> {
        let state = RegistryState::connecting(Instant::now());
        Arc::new(Self(watch::Sender::new(Arc::new(state))))
    }

    fn says(&self, revision: i64) {
        self.has(&Arc::new(Snapshot {
            revision,
            ..Snapshot::default()
        }));
    }

    fn has(&self, backends: &Arc<Snapshot>) {
        self.0.send_replace(Arc::new(RegistryState {
            backends: Some(Arc::clone(backends)),
            settings: Some(Arc::default()),
            overrides: Some(Arc::default()),
            freshness: Freshness::Synced {
                as_of: Instant::now(),
            },
            heard_at: None,
        }));
    }
}

impl Registry for Puppet {
    fn url(&self) -> &str {
        "etcd://10.0.0.1:2379"
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.0.subscribe()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        None
    }
}

async fn store(dir: &Path) -> StateStore {
    let origin = Origin::new("etcd://10.0.0.1:2379");
    StateStore::open(dir.to_owned(), origin).await
}

/// The revision in the file.
fn on_disk(dir: &Path) -> Option<i64> {
    let file = std::fs::read(dir.join("registry.state")).ok()?;
    match decode(&file).unwrap().contents.backends {
        SavedBackends::Followed(backends) => Some(backends.revision),
        SavedBackends::Held(_) => panic!("of a memory registry"),
    }
}

fn revision(state: &RegistryState) -> Option<i64> {
    state.backends.as_ref().map(|it| it.revision)
}

/// Waits, in real time, for another thread to do its work.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 30 s: {what}");
}

#[tokio::test]
async fn what_was_followed_stands_in_at_the_next_start_until_the_registry_speaks() {
    let temp = tempfile::tempdir().unwrap();
    let puppet = Puppet::connecting();
    let first = SavedRegistry::follow(store(temp.path()).await, puppet.clone(), GRACE);
    assert!(first.last_known().is_none());
    puppet.says(7);
    until("the first state is saved at once", || {
        on_disk(temp.path()) == Some(7)
    })
    .await;
    puppet.says(8);
    first.flush().await;
    assert_eq!(on_disk(temp.path()), Some(8), "an end waits for the disk");
    assert_eq!(first.saving().unwrap().writes(), 2);
    drop(first);

    let puppet = Puppet::connecting();
    let grace = Duration::from_millis(300);
    let second = SavedRegistry::follow(store(temp.path()).await, puppet.clone(), grace);
    assert_eq!(revision(&second.last_known().unwrap().state), Some(8));
    let mut states = second.subscribe();
    assert_eq!(
        revision(&states.borrow()),
        None,
        "not before the grace is over"
    );
    let stale = states
        .wait_for(|state| state.is_complete())
        .await
        .unwrap()
        .clone();
    assert_eq!(revision(&stale), Some(8));
    assert!(matches!(stale.freshness, Freshness::Stale { .. }));
    // What it says may be older.
    puppet.says(3);
    let own = states
        .wait_for(|it| revision(it) == Some(3))
        .await
        .unwrap()
        .clone();
    assert!(matches!(own.freshness, Freshness::Synced { .. }));
}

#[tokio::test]
async fn a_registry_that_answers_within_the_grace_is_never_preceded() {
    let temp = tempfile::tempdir().unwrap();
    let puppet = Puppet::connecting();
    let first = SavedRegistry::follow(store(temp.path()).await, puppet.clone(), GRACE);
    puppet.says(7);
    first.flush().await;
    drop(first);

    let puppet = Puppet::connecting();
    puppet.says(8);
    let second = SavedRegistry::follow(store(temp.path()).await, puppet, GRACE);
    let mut states = second.subscribe();
    let seen = states
        .wait_for(|state| state.is_complete())
        .await
        .unwrap()
        .clone();
    assert_eq!(revision(&seen), Some(8));
}

#[tokio::test]
async fn a_state_that_only_becomes_older_wakes_nobody_and_is_as_fresh_as_it_is() {
    let temp = tempfile::tempdir().unwrap();
    let puppet = Puppet::connecting();
    puppet.says(1);
    let saved = SavedRegistry::follow(store(temp.path()).await, puppet.clone(), GRACE);
    let mut states = saved.subscribe();
    states.changed().await.unwrap();
    let later = Instant::now() + Duration::from_secs(5);
    puppet.0.send_if_modified(|state| {
        Arc::make_mut(state).freshness = Freshness::Synced { as_of: later };
        false
    });
    let fresh =
        || matches!(states.borrow().freshness, Freshness::Synced { as_of } if as_of == later);
    until("the new age is passed on", fresh).await;
    assert!(!states.has_changed().unwrap());
}

#[tokio::test]
async fn a_directory_that_is_of_no_use_harms_nobody_until_it_is_of_use_again() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("in-the-way"), "").unwrap();
    let dir = temp.path().join("in-the-way/state");
    let puppet = Puppet::connecting();
    let saved = SavedRegistry::follow(store(&dir).await, puppet.clone(), GRACE);
    puppet.says(7);
    let mut states = saved.subscribe();
    states.wait_for(|it| revision(it) == Some(7)).await.unwrap();
    saved.flush().await;
    let status = saved.saving().unwrap();
    assert!(status.is_failing() && status.failures() > 0 && status.writes() == 0);

    std::fs::remove_file(temp.path().join("in-the-way")).unwrap();
    saved.flush().await;
    assert_eq!(on_disk(&dir), Some(7));
    assert!(!status.is_failing());
}

#[tokio::test]
async fn the_file_says_until_when_its_state_was_right() {
    let temp = tempfile::tempdir().unwrap();
    let puppet = Puppet::connecting();
    let saved = SavedRegistry::follow(store(temp.path()).await, puppet.clone(), GRACE);
    puppet.says(7);
    saved.flush().await;
    let before = SystemTime::now();
    puppet.0.send_modify(|state| {
        let as_of = Instant::now() + Duration::from_millis(1);
        Arc::make_mut(state).freshness = Freshness::Synced { as_of };
    });
    saved.flush().await;
    drop(saved);
    let found = store(temp.path()).await.found.unwrap();
    // In whole milliseconds.
    assert!(found.as_of + Duration::from_millis(1) >= before);
    assert_eq!(on_disk(temp.path()), Some(7));
}

fn registration(id: &str) -> Registration {
    Registration {
        service: "orders".parse().unwrap(),
        id: id.parse().unwrap(),
        address: "10.0.0.1:50051".parse().unwrap(),
        weight: 100,
        zone: None,
        state: BackendState::Serving,
    }
}

async fn memory(dir: &Path) -> SavedRegistry {
    let store = StateStore::open(dir.to_owned(), Origin::new("memory:")).await;
    let memory = MemoryRegistry::new(MemoryLimits::default());
    SavedRegistry::restore(store, memory).await.unwrap()
}

async fn register(registry: &SavedRegistry, id: &str, claim: &Claim) -> Handle {
    let registrar = registry.registrar().unwrap();
    let registration = registration(id);
    let made = registrar.claim(&registration, DEFAULT_TTL, claim).await;
    made.unwrap().handle
}

#[tokio::test]
async fn a_memory_registry_remembers_its_registrations_and_their_handles() {
    let temp = tempfile::tempdir().unwrap();
    let first = memory(temp.path()).await;
    assert_eq!(first.restored(), 0);
    let claim = Claim::new().unwrap();
    let handle = register(&first, "a", &claim).await;
    register(&first, "b", &claim).await;
    first.flush().await;
    // The same again: nothing is published, but the handle is another one.
    let newest = register(&first, "b", &claim.another().unwrap()).await;
    first.flush().await;
    drop(first);

    let second = memory(temp.path()).await;
    assert_eq!(second.restored(), 2);
    let state = second.subscribe().borrow().clone();
    let service = &state.backends.as_ref().unwrap().services["orders"];
    assert_eq!(service.backends.len(), 2);
    assert!(matches!(state.freshness, Freshness::Synced { .. }));
    let registrar = second.registrar().unwrap();
    for handle in [&handle, &newest] {
        assert_eq!(registrar.renew(handle).await.unwrap(), DEFAULT_TTL);
    }
    registrar.deregister(&handle).await.unwrap();
    second.flush().await;
    drop(second);
    assert_eq!(memory(temp.path()).await.restored(), 1);
}

#[tokio::test]
async fn a_memory_registry_remembers_its_settings() {
    let temp = tempfile::tempdir().unwrap();
    let orders: ServiceName = "orders".parse().unwrap();
    let registry = MemoryRegistry::new(MemoryLimits::default());
    let mut settings = Settings::default();
    settings.fallback = true;
    registry.set_settings(orders, settings).await.unwrap();
    let store = StateStore::open(temp.path().to_owned(), Origin::new("memory:")).await;
    let first = SavedRegistry::restore(store, registry).await.unwrap();
    first.flush().await;
    drop(first);
    let second = memory(temp.path()).await;
    let state = second.subscribe().borrow().clone();
    assert!(
        state.settings.as_ref().unwrap().services["orders"]
            .settings
            .fallback
    );
}

#[tokio::test]
async fn what_a_memory_registry_holds_is_of_no_use_to_another_kind() {
    let temp = tempfile::tempdir().unwrap();
    let first = memory(temp.path()).await;
    register(&first, "a", &Claim::new().unwrap()).await;
    first.flush().await;
    drop(first);
    let second = SavedRegistry::follow(store(temp.path()).await, Puppet::connecting(), GRACE);
    assert!(second.last_known().is_none());
}

#[tokio::test]
async fn overrides_in_memory_outlive_a_restart_but_for_those_that_have_ended() {
    use lookaside_core::{Override, OverrideNote};
    let directory = tempfile::tempdir().unwrap();
    let orders = ServiceName::new("orders").unwrap();
    let note = |expires| OverrideNote {
        by: Some("alice".into()),
        expires,
        ..OverrideNote::default()
    };
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    let store = store(directory.path()).await;
    let memory = MemoryRegistry::new(MemoryLimits::default());
    let first = SavedRegistry::restore(store, memory).await.unwrap();
    let writer = first.override_writer().unwrap();
    for (order, note, ttl) in [
        (Override::Fallback(true), note(None), None),
        (
            Override::Drops(lookaside_core::Drops::default()),
            note(Some(now + hour)),
            Some(hour),
        ),
        // Its time is over by the clock on the wall, as after a long stop.
        (
            Override::Drain(lookaside_core::BackendId::new("a").unwrap()),
            note(Some(now - hour)),
            Some(hour),
        ),
    ] {
        writer.put(&orders, &order, &note, ttl, None).await.unwrap();
    }
    first.flush().await;
    drop(first);

    let store = self::store(directory.path()).await;
    let memory = MemoryRegistry::new(MemoryLimits::default());
    let second = SavedRegistry::restore(store, memory).await.unwrap();
    let state = Arc::clone(&second.subscribe().borrow());
    let kept = Arc::clone(&state.overrides.as_ref().unwrap().services["orders"]);
    let kinds: Vec<_> = kept.iter().map(|(it, _)| it.target().kind()).collect();
    assert_eq!(kinds, ["drops", "fallback"]);
    let fallback = &kept.fallback.as_ref().unwrap().note;
    assert_eq!(fallback.by.as_deref(), Some("alice"));
}

/// Puts `file` where it is read only once [`answer`] is called, as from a disk that hangs.
fn hang(dir: &Path) {
    let made = std::process::Command::new("mkfifo")
        .arg(dir.join("registry.state"))
        .status();
    assert!(made.unwrap().success());
    std::fs::hard_link(dir.join("registry.state"), dir.join("pipe")).unwrap();
}

/// Ends what [`hang`] began: `file` is read, and found in its place by who looks later.
fn answer(dir: &Path, file: &[u8]) {
    use std::io::Write;
    std::fs::write(dir.join("late"), file).unwrap();
    std::fs::rename(dir.join("late"), dir.join("registry.state")).unwrap();
    // For reading, too: so it does not wait for a reader.
    let pipe = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(dir.join("pipe"));
    pipe.unwrap().write_all(file).unwrap();
}

#[tokio::test]
async fn a_state_that_the_disk_did_not_give_in_time_is_set_aside_and_not_written_over() {
    let temp = tempfile::tempdir().unwrap();
    let first = memory(temp.path()).await;
    register(&first, "a", &Claim::new().unwrap()).await;
    first.flush().await;
    drop(first);
    let path = temp.path().join("registry.state");
    let good = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();

    hang(temp.path());
    tokio::time::pause();
    let second = memory(temp.path()).await;
    tokio::time::resume();
    assert_eq!(second.restored(), 0);
    answer(temp.path(), &good);
    let saving = second.saving().unwrap();
    until("the new state is saved", || saving.writes() > 0).await;
    register(&second, "b", &Claim::new().unwrap()).await;
    second.flush().await;
    let aside: Vec<_> = std::fs::read_dir(temp.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("registry.state.unread-"))
        .collect();
    let [aside] = &aside[..] else {
        panic!("once: {aside:?}");
    };
    assert_eq!(std::fs::read(aside).unwrap(), good);
    assert_ne!(std::fs::read(&path).unwrap(), good);
}

#[tokio::test]
async fn an_override_that_is_not_restored_takes_no_other_with_it() {
    use lookaside_core::{
        BackendId, Override, OverrideNote, OverridesSnapshot, Revision, ServiceOverrides,
    };
    let year = Duration::from_secs(366 * 24 * 3600);
    let now = SystemTime::now();
    let noted = |order, by: &str, expires| {
        let note = OverrideNote {
            by: Some(by.into()),
            expires,
            ..OverrideNote::default()
        };
        (order, note)
    };
    let drain = |id| Override::Drain(BackendId::new(id).unwrap());
    let overrides = [
        // More than a note may have.
        noted(drain("a"), &"x".repeat(1000), None),
        // By a clock that was set back by years.
        noted(drain("b"), "bob", Some(now + 3 * year)),
        noted(drain("c"), "carol", None),
    ];
    let orders = ServiceName::new("orders").unwrap();
    let service = Arc::new(ServiceOverrides::new(overrides, Vec::new()));
    let saved = OverridesSnapshot {
        revision: Revision::from(1),
        services: [(orders, service)].into(),
        ..OverridesSnapshot::default()
    };
    let memory = MemoryRegistry::new(MemoryLimits::default());
    assert_eq!(memory.restore_overrides(&saved, now).await, 2);
    let state = Arc::clone(&memory.subscribe().borrow());
    let restored = &state.overrides.as_ref().unwrap().services["orders"].backends;
    let ids: Vec<_> = restored.keys().map(|id| id.as_str()).collect();
    assert_eq!(ids, ["b", "c"]);
}
