use lookaside_core::{BackendState, Override, OverrideNote};

use super::*;

fn registered(id: &str, weight: u32) -> Arc<Backend> {
    Arc::new(Backend {
        id: BackendId::new(id).unwrap(),
        address: SocketAddr::from(([10, 0, 0, 1], 1)).into(),
        weight,
        zone: None,
        state: BackendState::Serving,
        key: "k".into(),
        revision: 1,
    })
}

fn overriding(all: impl IntoIterator<Item = Override>) -> ServiceOverrides {
    let noted = all.into_iter().map(|it| (it, OverrideNote::default()));
    ServiceOverrides::new(noted, Vec::new())
}

fn orders(overrides: &ServiceOverrides) -> Orders<'_> {
    Orders {
        overrides,
        cordons: &overrides.cordons,
    }
}

#[test]
fn an_override_changes_its_backend_and_leaves_the_others_the_very_same() {
    let (a, b) = (registered("a", 1), registered("b", 1));
    let mut service = Service {
        backends: vec![Arc::clone(&a), Arc::clone(&b)],
        problems: Vec::new(),
    };
    let names = Names::default();
    let mut backends = Backends::default();
    let id = |text: &str| BackendId::new(text).unwrap();
    let overrides = overriding([Override::Weight(id("b"), 7), Override::Drain(id("gone"))]);
    let first = backends.update(&service, &[], orders(&overrides), &names);
    assert!(Arc::ptr_eq(&first[0].0, &a));
    assert_eq!(first[1].0.weight, 7);
    assert_eq!(first.len(), 2);

    let again = backends.update(&service, &[], orders(&overrides.clone()), &names);
    for (one, other) in first.iter().zip(again.iter()) {
        assert!(Arc::ptr_eq(&one.0, &other.0) && Arc::ptr_eq(&one.1, &other.1));
    }

    let heavier = overriding([Override::Weight(id("b"), 9), Override::Drain(id("a"))]);
    let changed = backends.update(&service, &[], orders(&heavier), &names);
    assert_eq!(changed[0].0.state, BackendState::Draining);
    assert_eq!(changed[1].0.weight, 9);

    service.backends[1] = registered("b", 2);
    let back = backends.update(&service, &[], orders(&ServiceOverrides::default()), &names);
    assert!(Arc::ptr_eq(&back[0].0, &a));
    assert_eq!(back[1].0.weight, 2);
}
