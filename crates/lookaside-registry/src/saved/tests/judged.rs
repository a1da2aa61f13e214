//! Whom a balancer holds is kept with the state.

use lookaside_core::{Backend, BackendId, Hold, Service, Suspect};

use super::*;

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn backends(revision: i64, ids: &[&str]) -> Arc<Snapshot> {
    let backend = |id: &&str| {
        Arc::new(Backend {
            id: BackendId::new(id).unwrap(),
            address: "host.example:50051".parse().unwrap(),
            weight: 1,
            zone: None,
            state: BackendState::Serving,
            key: "k".into(),
            revision,
        })
    };
    let service = Service {
        backends: ids.iter().map(backend).collect(),
        problems: Vec::new(),
    };
    Arc::new(Snapshot {
        revision,
        services: [(orders(), Arc::new(service))].into(),
        ..Snapshot::default()
    })
}

fn judged(backends: &Arc<Snapshot>, held: &[Suspect]) -> Arc<Judged> {
    let suspects = (!held.is_empty()).then(|| (orders(), held.into()));
    Arc::new(Judged {
        backends: Some(Arc::clone(backends)),
        suspects: suspects.into_iter().collect(),
    })
}

/// Of `a`, for 10 s.
fn suspect(backends: &Snapshot) -> Suspect {
    let now = std::time::Instant::now();
    Suspect {
        backend: Arc::clone(&backends.services["orders"].backends[0]),
        addresses: [([10, 0, 0, 9], 50051).into()].into(),
        since: now - Duration::from_secs(10),
        stood: Duration::from_secs(4),
        hold: Hold::Until(now),
        answered: false,
    }
}

fn expected(found: &LastKnown, of: &Suspect) {
    let [found] = &found.suspects["orders"][..] else {
        panic!("{found:?}");
    };
    assert_eq!(found.backend, of.backend);
    assert_eq!(found.addresses, *of.addresses);
    assert_eq!(found.stood, of.stood);
    let age = SystemTime::now().duration_since(found.since).unwrap();
    assert!((10..60).contains(&age.as_secs()), "{age:?}");
}

#[tokio::test]
async fn whom_the_balancer_held_is_known_to_the_next_process() {
    let temp = tempfile::tempdir().unwrap();
    let puppet = Puppet::connecting();
    let first = SavedRegistry::follow(store(temp.path()).await, puppet.clone(), GRACE);
    let all = backends(1, &["a", "b"]);
    puppet.has(&all);
    let sender = first.judged().unwrap();
    sender.send_replace(judged(&all, &[]));
    first.flush().await;
    let fewer = backends(2, &["b"]);
    puppet.has(&fewer);
    sender.send_replace(judged(&fewer, &[suspect(&all)]));
    first.flush().await;
    drop(first);
    let second = SavedRegistry::follow(store(temp.path()).await, Puppet::connecting(), GRACE);
    let known = second.last_known().unwrap();
    assert_eq!(known.state.backends.as_deref(), Some(&*fewer));
    expected(&known, &suspect(&all));
}

#[tokio::test]
async fn a_state_is_not_kept_before_the_balancer_has_judged_it() {
    let temp = tempfile::tempdir().unwrap();
    let puppet = Puppet::connecting();
    let saved = SavedRegistry::follow(store(temp.path()).await, puppet.clone(), GRACE);
    let all = backends(1, &["a", "b"]);
    puppet.has(&all);
    let sender = saved.judged().unwrap();
    sender.send_replace(judged(&all, &[]));
    saved.flush().await;
    let fewer = backends(2, &["b"]);
    puppet.has(&fewer);
    saved.flush().await;
    assert_eq!(on_disk(temp.path()), Some(1));
    sender.send_replace(judged(&fewer, &[]));
    saved.flush().await;
    assert_eq!(on_disk(temp.path()), Some(2));
}

#[tokio::test]
async fn a_memory_registry_remembers_whom_the_balancer_held() {
    let temp = tempfile::tempdir().unwrap();
    let first = memory(temp.path()).await;
    assert!(first.last_known().is_none());
    let state = first.subscribe().borrow().clone();
    let held = suspect(&backends(1, &["a"]));
    let judged = judged(
        state.backends.as_ref().unwrap(),
        std::slice::from_ref(&held),
    );
    first.judged().unwrap().send_replace(judged);
    first.flush().await;
    drop(first);
    let known = memory(temp.path()).await.last_known().unwrap();
    expected(&known, &held);
    assert!(matches!(known.state.freshness, Freshness::Synced { .. }));
}
