use std::time::SystemTime;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    Ejection, Settings,
    plan::{
        Health, plan,
        tests::{addr, backend, backends, by_id, plan_with, usual},
    },
};

#[test]
fn another_service_has_other_tokens() {
    let all = backends(&[1]);
    let mut planner = Planner::default();
    let orders = plan_with(&mut planner, &all, &Settings::default(), &usual());
    let name = ServiceName::new("carts").unwrap();
    let input = ServiceInput {
        name: &name,
        backends: &all,
        settings: &Settings::default(),
        health: None,
    };
    let carts = planner.plan(&input, &TokenIssuer::Unsigned, &usual());
    assert_ne!(orders, carts);
    assert_eq!(carts, plan(&input, &TokenIssuer::Unsigned, &usual()));
}

/// A change of the backends between two plans.
#[derive(Clone, Debug)]
enum Change {
    Add(u8, u32),
    Remove(usize),
    Weigh(usize, u32),
    Move(usize, Vec<u8>),
    Drain(usize),
    Rewrite,
    Swap(usize, usize),
    Eject(usize, usize),
    Return(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<u8>(), 0u32..9).prop_map(|(id, weight)| Change::Add(id, weight)),
        2 => any::<usize>().prop_map(Change::Remove),
        2 => (any::<usize>(), 0u32..9).prop_map(|(at, weight)| Change::Weigh(at, weight)),
        2 => (any::<usize>(), vec(0u8..6, 0..4)).prop_map(|(at, addrs)| Change::Move(at, addrs)),
        1 => any::<usize>().prop_map(Change::Drain),
        1 => Just(Change::Rewrite),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Change::Swap(one, other)),
        3 => (any::<usize>(), any::<usize>()).prop_map(|(at, addr)| Change::Eject(at, addr)),
        2 => any::<usize>().prop_map(Change::Return),
    ]
}

impl Change {
    fn apply(self, all: &mut Vec<ResolvedBackend>, ejected: &mut Vec<Arc<Ejection>>) {
        let n = all.len().max(1);
        match self {
            Self::Return(at) => {
                if !ejected.is_empty() {
                    ejected.remove(at % ejected.len());
                }
            }
            Self::Add(id, weight) => {
                let id = format!("b{id:03}");
                if !all.iter().any(|(backend, _)| backend.id.as_str() == id) {
                    all.push(backend(&id, weight, &[addr("10.0.0.1:1")]));
                    all.sort_by(|one, other| one.0.id.cmp(&other.0.id));
                }
            }
            _ if all.is_empty() => {}
            Self::Remove(at) => drop(all.remove(at % n)),
            Self::Weigh(at, weight) => Arc::make_mut(&mut all[at % n].0).weight = weight,
            Self::Move(at, addrs) => {
                all[at % n].1 = addrs
                    .iter()
                    .map(|i| SocketAddr::from(([10, 0, 0, *i], 1)))
                    .collect();
            }
            Self::Drain(at) => Arc::make_mut(&mut all[at % n].0).state = BackendState::Draining,
            // As after listing the registry again: equal, but not the same.
            Self::Rewrite => {
                for (backend, addrs) in all {
                    *backend = Arc::new(Backend::clone(backend));
                    *addrs = addrs.to_vec().into();
                }
            }
            Self::Swap(one, other) => all.swap(one % n, other % n),
            Self::Eject(at, addr) => {
                let (backend, addresses) = &all[at % n];
                if !addresses.is_empty() {
                    ejected.push(Arc::new(Ejection {
                        backend: backend.id.clone(),
                        addr: addresses[addr % addresses.len()],
                        reason: "connection refused".into(),
                        since: SystemTime::UNIX_EPOCH,
                    }));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn what_was_planned_before_makes_no_difference(
        changes in vec(change(), 1..60),
        panic in prop_oneof![Just(0.0), Just(0.5)],
    ) {
        let mut planner = Planner::default();
        let (mut all, mut ejected) = (Vec::new(), Vec::new());
        for change in changes {
            change.apply(&mut all, &mut ejected);
            let ejections = Ejections::new(ejected.clone());
            let name = ServiceName::new("orders").unwrap();
            let input = ServiceInput {
                name: &name,
                backends: &all,
                settings: &Settings::default(),
                health: Some(Health { ejections: &ejections, panic }),
            };
            let again = planner.plan(&input, &TokenIssuer::Unsigned, &usual());
            let fresh = plan(&input, &TokenIssuer::Unsigned, &usual());
            prop_assert_eq!(&again, &fresh);
            if let (Plan::List(again), Plan::List(fresh)) = (again, fresh) {
                prop_assert_eq!(by_id(&again), by_id(&fresh));
                prop_assert_eq!(again.panic(), fresh.panic());
                let backends = |list: &List| -> Vec<Backend> {
                    list.endpoints().iter().map(|endpoint| Backend::clone(&endpoint.backend)).collect()
                };
                prop_assert_eq!(backends(&again), backends(&fresh));
            }
        }
    }
}
