use std::{collections::BTreeMap, time::Duration};

use super::*;

fn stale(as_of: Instant, error: &str) -> Freshness {
    Freshness::Stale {
        as_of,
        error: error.into(),
    }
}

#[test]
fn the_whole_is_as_fresh_as_its_stalest_part() {
    let early = Instant::now();
    let late = early + Duration::from_secs(1);
    let synced = |as_of| Freshness::Synced { as_of };
    assert!(
        matches!(worse(synced(late), synced(early)), Freshness::Synced { as_of } if as_of == early)
    );
    for (one, other) in [
        (stale(early, "a"), synced(late)),
        (synced(late), stale(early, "a")),
        (stale(late, "b"), stale(early, "a")),
        (stale(early, "a"), stale(late, "b")),
    ] {
        assert!(
            matches!(worse(one, other), Freshness::Stale { as_of, error }
            if as_of == early && &*error == "a")
        );
    }
    let connecting = |error: Option<&str>| Freshness::Connecting {
        since: early,
        error: error.map(Into::into),
    };
    assert!(matches!(
        worse(stale(late, "b"), connecting(Some("a"))),
        Freshness::Connecting { error: Some(_), .. }
    ));
    assert!(matches!(
        worse(connecting(None), connecting(Some("a"))),
        Freshness::Connecting { error: Some(_), .. }
    ));
}

fn update<S>(revision: i64, as_of: Instant) -> Option<Update<S>> {
    let state = Reflected {
        revision,
        services: BTreeMap::new(),
        problems: Arc::default(),
    };
    Some(Update {
        state: Some(Arc::new(state)),
        freshness: Freshness::Synced { as_of },
        heard_at: None,
    })
}

#[tokio::test]
async fn a_part_that_did_not_change_stays_the_same_arc() {
    let now = Instant::now();
    let (backends, published) = watch::channel(None);
    let (settings, published_settings) = watch::channel(None);
    let (overrides, published_overrides) = watch::channel(None);
    backends.send_replace(update(5, now));
    let (publisher, mut state) =
        Publisher::new(published, published_settings, published_overrides, now);
    let task = tokio::spawn(publisher.run());
    settings.send_replace(update(7, now));
    overrides.send_replace(update(6, now));
    let first = Arc::clone(&*state.wait_for(|it| it.is_complete()).await.unwrap());
    settings.send_replace(update(8, now));
    let is_new = |it: &Arc<RegistryState>| it.settings.as_ref().is_some_and(|it| it.revision == 8);
    let second = Arc::clone(&*state.wait_for(is_new).await.unwrap());
    assert!(Arc::ptr_eq(
        first.backends.as_ref().unwrap(),
        second.backends.as_ref().unwrap()
    ));
    drop(settings);
    task.await.unwrap();
}
