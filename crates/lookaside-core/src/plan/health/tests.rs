use std::{collections::BTreeMap, net::SocketAddr, time::SystemTime};

use super::*;
use crate::{
    BackendState, Ejection, Plan, Planner, ResolvedBackend, ServiceInput, ServiceName, Settings,
    TokenIssuer,
    plan::tests::{addr, backend, backends, by_id, usual},
};

fn eject<'a>(which: impl IntoIterator<Item = &'a (ResolvedBackend, usize)>) -> Ejections {
    let ejection = |((backend, addresses), index): &(ResolvedBackend, usize)| {
        Arc::new(Ejection {
            backend: backend.id.clone(),
            addr: addresses[*index],
            reason: "connection refused".into(),
            since: SystemTime::UNIX_EPOCH,
        })
    };
    which.into_iter().map(ejection).collect()
}

/// The first addresses of the first so many.
fn first(n: usize, all: &[ResolvedBackend]) -> Ejections {
    let which: Vec<_> = all[..n].iter().map(|one| (one.clone(), 0)).collect();
    eject(&which)
}

fn plan_of(all: &[ResolvedBackend], ejections: &Ejections, panic: f64) -> Plan {
    let name = ServiceName::new("orders").unwrap();
    let settings = Settings::default();
    let input = ServiceInput {
        name: &name,
        backends: all,
        settings: &settings,
        health: Some(Health { ejections, panic }),
    };
    Planner::default().plan(&input, &TokenIssuer::Unsigned, &usual())
}

fn slots(plan: &Plan) -> BTreeMap<&str, u32> {
    match plan {
        Plan::List(list) => by_id(list),
        Plan::Fallback(reason) => panic!("fallback: {reason}"),
    }
}

fn panic_of(plan: &Plan) -> Option<Panic> {
    match plan {
        Plan::List(list) => list.panic(),
        Plan::Fallback(reason) => panic!("fallback: {reason}"),
    }
}

#[test]
fn an_ejected_backend_gets_no_slot() {
    let all = backends(&[1, 2, 3]);
    let plan = plan_of(&all, &first(1, &all), 0.5);
    assert_eq!(slots(&plan), BTreeMap::from([("b0001", 2), ("b0002", 3)]));
    assert_eq!(panic_of(&plan), None);
}

#[test]
fn below_the_threshold_health_is_ignored_and_that_is_said() {
    let all = backends(&[1; 10]);
    let plan = plan_of(&all, &first(5, &all), 0.5);
    assert_eq!((slots(&plan).len(), panic_of(&plan)), (5, None));
    let plan = plan_of(&all, &first(6, &all), 0.5);
    let panic = panic_of(&plan).unwrap();
    assert_eq!(
        (slots(&plan).len(), panic),
        (10, Panic { healthy: 4, of: 10 })
    );
    assert_eq!(
        panic.to_string(),
        "panic: only 4 of 10 addresses are healthy, so health is ignored"
    );
    let plan = plan_of(&all, &first(10, &all), 0.5);
    assert_eq!(slots(&plan).len(), 10, "as when the balancer is cut off");
}

#[test]
fn the_threshold_is_met_by_just_that_share() {
    for (healthy, of, threshold, panics) in [
        (11, 20, 0.55, false),
        (10, 20, 0.55, true),
        (7, 10, 0.7, false),
        (3, 3, 1.0, false),
        (2, 3, 1.0, true),
        (0, 3, 0.0, false),
        (0, 0, 0.5, false),
    ] {
        let panic = Panic::check(healthy, of, threshold);
        assert_eq!(panic.is_some(), panics, "{healthy} of {of}, {threshold}");
    }
}

#[test]
fn only_addresses_that_could_take_calls_count_for_panic() {
    let mut all = backends(&[1, 1, 1, 1, 0, 0]);
    Arc::make_mut(&mut all[3].0).state = BackendState::Draining;
    // Three could: one of them is healthy.
    let plan = plan_of(&all, &first(2, &all), 0.5);
    assert_eq!(panic_of(&plan), Some(Panic { healthy: 1, of: 3 }));
    // Those that drain are no witnesses against the others.
    let drained: Vec<_> = all[3..].iter().map(|one| (one.clone(), 0)).collect();
    let plan = plan_of(&all, &eject(&drained), 0.5);
    assert_eq!((slots(&plan).len(), panic_of(&plan)), (3, None));
}

#[test]
fn without_panic_a_service_of_ejected_backends_has_none_that_can_take_calls() {
    let all = backends(&[1, 1]);
    match plan_of(&all, &first(2, &all), 0.0) {
        Plan::Fallback(reason) => assert_eq!(
            reason.to_string(),
            "none of the 2 registered backends can take calls: \
             0 draining or cordoned, 0 of weight 0, 0 without an address, 2 ejected"
        ),
        Plan::List(list) => panic!("{list:?}"),
    }
}

#[test]
fn an_ejected_address_leaves_its_backends_weight_to_the_others() {
    let addresses: Vec<SocketAddr> = (1..=3).map(|i| addr(&format!("10.0.0.{i}:1"))).collect();
    let all = vec![
        backend("many", 100, &addresses),
        backend("one", 100, &[addr("10.0.1.1:1")]),
    ];
    let plan = plan_of(&all, &eject(&[(all[0].clone(), 1)]), 0.5);
    assert_eq!(slots(&plan), BTreeMap::from([("many", 2), ("one", 2)]));
    let Plan::List(list) = &plan else { panic!() };
    let listed: Vec<SocketAddr> = list.endpoints().iter().map(|it| it.addr).collect();
    assert!(!listed.contains(&addresses[1]), "{listed:?}");
    assert_eq!(list.endpoint_slots(), [1, 1, 2]);
}

#[test]
fn an_ejection_of_an_address_that_the_backend_has_left_means_nothing() {
    let all = backends(&[1, 1]);
    let mut moved = all.clone();
    moved[0].1 = Arc::new([addr("10.9.9.9:9")]);
    let plan = plan_of(&moved, &first(1, &all), 0.5);
    assert_eq!(slots(&plan).len(), 2);
}
