use std::{net::Ipv4Addr, time::Duration};

use lookaside_core::{BackendId, Ejection, Override, OverrideNote};

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn addr(n: u8) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, n), 80).into()
}

fn backend(n: u8) -> ResolvedBackend {
    let backend = Backend {
        id: BackendId::new(&format!("b{n}")).unwrap(),
        address: addr(n).into(),
        weight: 100,
        zone: None,
        state: BackendState::Serving,
        key: "k".into(),
        revision: 1,
    };
    (Arc::new(backend), Arc::from([addr(n)]))
}

fn changed(of: &ResolvedBackend, change: impl FnOnce(&mut Backend)) -> ResolvedBackend {
    let mut backend = (*of.0).clone();
    change(&mut backend);
    (Arc::new(backend), Arc::clone(&of.1))
}

/// What it says, with nothing but the backends.
fn plain(
    standings: &mut Standings,
    backends: &[ResolvedBackend],
    now: u64,
) -> Vec<(&'static str, u64)> {
    shown(&standings.update(
        &Arc::from(backends),
        none(&ServiceOverrides::default()),
        at(now),
    ))
}

fn none(overrides: &ServiceOverrides) -> Facts<'_> {
    Facts {
        cordoned: &[],
        overrides,
        ejections: None,
        suspects: &[],
    }
}

fn shown(standings: &[Standing]) -> Vec<(&'static str, u64)> {
    let one = |it: &Standing| {
        let since = it.since.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        (it.state.as_str(), since.as_secs())
    };
    standings.iter().map(one).collect()
}

#[test]
fn a_backend_is_in_its_state_since_it_was_first_seen_in_it() {
    let mut standings = Standings::default();
    let [a, b, c] = [1, 2, 3].map(backend);
    assert_eq!(
        plain(&mut standings, &[a.clone(), c.clone()], 1),
        [("serving", 1), ("serving", 1)]
    );
    let heavier = changed(&a, |it| it.weight = 200);
    assert_eq!(
        plain(&mut standings, &[heavier.clone(), b.clone(), c.clone()], 2),
        [("serving", 1), ("serving", 2), ("serving", 1)],
        "another weight is no other state"
    );
    let leaving = changed(&b, |it| it.state = BackendState::Draining);
    let resting = changed(&c, |it| it.weight = 0);
    let lost = (Arc::clone(&heavier.0), Arc::from([]));
    assert_eq!(
        plain(&mut standings, &[lost, leaving.clone(), resting], 3),
        [("unresolved", 3), ("draining", 3), ("drained", 3)]
    );
    assert_eq!(
        plain(&mut standings, &[a, leaving, c], 4),
        [("serving", 4), ("draining", 3), ("serving", 4)]
    );
}

#[test]
fn one_that_was_gone_begins_anew() {
    let mut standings = Standings::default();
    let [a, b] = [1, 2].map(backend);
    plain(&mut standings, &[a.clone(), b.clone()], 1);
    plain(&mut standings, std::slice::from_ref(&b), 2);
    assert_eq!(
        plain(&mut standings, &[a, b], 3),
        [("serving", 3), ("serving", 1)]
    );
}

#[test]
fn orders_and_ejections_count_from_when_they_came_to_when_they_went() {
    let mut standings = Standings::default();
    let [a, b] = [1, 2].map(backend);
    let backends: Arc<[_]> = Arc::from([a.clone(), b.clone()]);
    plain(&mut standings, &backends, 1);

    let drain = Override::Drain(a.0.id.clone());
    let overrides = ServiceOverrides::new([(drain, OverrideNote::default())], Vec::new());
    let ejections = Ejections::new(vec![Arc::new(Ejection {
        backend: b.0.id.clone(),
        addr: addr(2),
        reason: "refused".into(),
        since: at(2),
    })]);
    let facts = Facts {
        cordoned: &[],
        overrides: &overrides,
        ejections: Some(&ejections),
        suspects: &[],
    };
    for now in [2, 3] {
        assert_eq!(
            shown(&standings.update(&backends, facts, at(now))),
            [("drained", 2), ("ejected", 2)]
        );
    }
    assert_eq!(
        plain(&mut standings, &backends, 4),
        [("serving", 4), ("serving", 4)]
    );
}

#[test]
fn one_that_lost_some_of_its_addresses_serves_with_the_others() {
    let mut standings = Standings::default();
    let (a, _) = backend(1);
    let backends: Arc<[_]> = Arc::from([(a, Arc::from([addr(1), addr(2)]))]);
    let ejection = |n| {
        Arc::new(Ejection {
            backend: BackendId::new("b1").unwrap(),
            addr: addr(n),
            reason: "refused".into(),
            since: at(1),
        })
    };
    let overrides = ServiceOverrides::default();
    for (ejected, state) in [(vec![1], "serving"), (vec![1, 2], "ejected")] {
        let ejections = Ejections::new(ejected.into_iter().map(ejection).collect());
        let facts = Facts {
            cordoned: &[],
            ejections: Some(&ejections),
            ..none(&overrides)
        };
        assert_eq!(
            shown(&standings.update(&backends, facts, at(1)))[0].0,
            state
        );
    }
}
