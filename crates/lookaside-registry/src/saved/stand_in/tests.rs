use super::*;

const GRACE: Duration = Duration::from_secs(2);

fn known(now: Instant) -> Known {
    Known {
        backends: Arc::new(Snapshot {
            revision: 7,
            ..Snapshot::default()
        }),
        settings: Arc::default(),
        overrides: Arc::default(),
        as_of: now - Duration::from_secs(60),
    }
}

fn failing(since: Instant, error: &str) -> Arc<RegistryState> {
    Arc::new(RegistryState {
        freshness: Freshness::Connecting {
            since,
            error: Some(error.into()),
        },
        ..RegistryState::connecting(since)
    })
}

fn fresh(revision: i64, as_of: Instant) -> Arc<RegistryState> {
    Arc::new(RegistryState {
        backends: Some(Arc::new(Snapshot {
            revision,
            ..Snapshot::default()
        })),
        settings: Some(Arc::default()),
        overrides: Some(Arc::default()),
        freshness: Freshness::Synced { as_of },
        heard_at: None,
    })
}

#[test]
fn the_saved_state_stands_in_after_the_grace_and_says_how_old_it_is_and_why() {
    let start = Instant::now();
    let mut stand_in = StandIn::new(Some(known(start)), start, GRACE);
    let registry = failing(start, "etcd: connection refused");
    let early = stand_in.state(&registry, start + GRACE / 2);
    assert!(Arc::ptr_eq(&early, &registry));
    assert_eq!(stand_in.deadline(start), Some(start + GRACE));

    let late = stand_in.state(&registry, start + GRACE);
    assert_eq!(late.backends.as_ref().unwrap().revision, 7);
    let Freshness::Stale { as_of, error } = &late.freshness else {
        panic!("{late:?}");
    };
    assert_eq!(*as_of, start - Duration::from_secs(60));
    assert!(error.contains("connection refused") && error.contains("state directory"));
    assert_eq!(stand_in.deadline(start + GRACE), None);
}

#[test]
fn the_saved_state_stands_in_for_each_part_that_has_not_been_read() {
    let start = Instant::now();
    let mut stand_in = StandIn::new(Some(known(start)), start, GRACE);
    let half = Arc::new(RegistryState {
        overrides: None,
        ..(*fresh(9, start)).clone()
    });
    let state = stand_in.state(&half, start + GRACE);
    assert_eq!(state.backends.as_ref().unwrap().revision, 9);
    assert!(state.is_complete());
    // As old as the oldest part.
    let Freshness::Stale { as_of, .. } = state.freshness else {
        panic!("{state:?}");
    };
    assert_eq!(as_of, start - Duration::from_secs(60));

    let only_overrides = Arc::new(RegistryState {
        overrides: Some(Arc::new(OverridesSnapshot {
            revision: 4,
            ..OverridesSnapshot::default()
        })),
        ..(*failing(start, "down")).clone()
    });
    let state = stand_in.state(&only_overrides, start + GRACE);
    assert_eq!(state.backends.as_ref().unwrap().revision, 7);
    assert_eq!(state.overrides.as_ref().unwrap().revision, 4);
}

#[test]
fn the_registrys_own_state_takes_over_whatever_its_revision_and_stays() {
    for revision in [1, 7, 100] {
        let start = Instant::now();
        let mut stand_in = StandIn::new(Some(known(start)), start, GRACE);
        let _ = stand_in.state(&failing(start, "down"), start + GRACE);
        let own = fresh(revision, start);
        assert!(Arc::ptr_eq(&stand_in.state(&own, start + 2 * GRACE), &own));
        let gone = failing(start, "down again");
        assert!(Arc::ptr_eq(
            &stand_in.state(&gone, start + 3 * GRACE),
            &gone
        ));
    }
}

#[test]
fn without_a_saved_state_the_registry_is_waited_for() {
    let start = Instant::now();
    let mut stand_in = StandIn::new(None, start, GRACE);
    let registry = failing(start, "down");
    assert_eq!(stand_in.deadline(start), None);
    assert!(Arc::ptr_eq(
        &stand_in.state(&registry, start + 9 * GRACE),
        &registry
    ));
}
