use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{BackendId, BackendState, Drop, Drops, HostPort, Slot};

/// What changes nothing of the default but size: a slot of any kind takes 50 bytes.
const SLOT_BYTES: usize = 50;

fn limits(max_slots: usize, max_bytes: usize) -> Limits {
    Limits {
        max_slots,
        max_bytes,
        slot_bytes: |_| SLOT_BYTES,
    }
}

pub(super) fn usual() -> Limits {
    limits(1024, DEFAULT_MAX_BYTES)
}

pub(super) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn backend(id: &str, weight: u32, addresses: &[SocketAddr]) -> ResolvedBackend {
    let backend = Backend {
        id: BackendId::new(id).unwrap(),
        address: HostPort::from(addr("10.0.0.1:1")),
        weight,
        zone: None,
        state: BackendState::Serving,
        key: format!("services/orders/{id}").into(),
        revision: 1,
    };
    (Arc::new(backend), addresses.into())
}

/// Backends `b0000`, `b0001`, ... with one address each.
pub(super) fn backends(weights: &[u32]) -> Vec<ResolvedBackend> {
    let one = |(index, weight): (usize, &u32)| {
        let addr = SocketAddr::from(([10, 1, (index >> 8) as u8, index as u8], 50051));
        backend(&format!("b{index:04}"), *weight, &[addr])
    };
    weights.iter().enumerate().map(one).collect()
}

fn dropping(shares: &[u32]) -> Settings {
    let drops = shares.iter().enumerate().map(|(index, &per_million)| Drop {
        category: format!("c{index}").into(),
        per_million,
    });
    Settings {
        drops: Drops::new(drops).unwrap(),
        ..Settings::default()
    }
}

pub(super) fn plan_with(
    planner: &mut Planner,
    backends: &[ResolvedBackend],
    settings: &Settings,
    limits: &Limits,
) -> Plan {
    let name = ServiceName::new("orders").unwrap();
    let input = ServiceInput {
        name: &name,
        backends,
        settings,
        health: None,
    };
    planner.plan(&input, &TokenIssuer::Unsigned, limits)
}

pub(super) fn plan_of(backends: &[ResolvedBackend], settings: &Settings, limits: &Limits) -> Plan {
    plan_with(&mut Planner::default(), backends, settings, limits)
}

fn list_of(backends: &[ResolvedBackend], settings: &Settings, limits: &Limits) -> List {
    match plan_of(backends, settings, limits) {
        Plan::List(list) => list,
        Plan::Fallback(reason) => panic!("fallback: {reason}"),
    }
}

/// Slots by backend id.
pub(super) fn by_id(list: &List) -> BTreeMap<&str, u32> {
    let mut slots = BTreeMap::new();
    for (endpoint, count) in list.endpoints().iter().zip(list.endpoint_slots()) {
        *slots.entry(endpoint.id().as_str()).or_default() += count;
    }
    slots
}

fn reason(backends: &[ResolvedBackend], settings: &Settings) -> String {
    match plan_of(backends, settings, &usual()) {
        Plan::Fallback(reason) => reason.to_string(),
        Plan::List(list) => panic!("a list: {list:?}"),
    }
}

fn with_state(mut backend: ResolvedBackend, state: BackendState) -> ResolvedBackend {
    Arc::make_mut(&mut backend.0).state = state;
    backend
}

#[test]
fn weights_are_repetition_in_an_interleaved_list() {
    let list = list_of(&backends(&[300, 200, 100]), &Settings::default(), &usual());
    assert_eq!(list.endpoint_slots(), [3, 2, 1]);
    assert_eq!(list.slots().len(), 6);
    assert_eq!((list.largest_error(), list.truncation()), (0.0, None));
    let slots = list.slots();
    assert!((0..6).all(|i| slots[i] != slots[(i + 1) % 6]), "{slots:?}");
}

#[test]
fn only_serving_backends_with_weight_and_address_get_slots() {
    let mut all = backends(&[100, 0, 100, 100]);
    all[2] = with_state(all[2].clone(), BackendState::Draining);
    all[3].1 = Arc::new([]);
    let list = list_of(&all, &Settings::default(), &usual());
    assert_eq!(by_id(&list), BTreeMap::from([("b0000", 1)]));
}

#[test]
fn without_an_eligible_backend_it_is_fallback_and_says_why() {
    let mut all = backends(&[0, 0, 100, 100]);
    all[2] = with_state(all[2].clone(), BackendState::Draining);
    all[3].1 = Arc::new([]);
    assert_eq!(
        reason(&all, &dropping(&[1_000_000])),
        "none of the 4 registered backends can take calls: \
         1 draining or cordoned, 2 of weight 0, 1 without an address"
    );
    assert_eq!(
        reason(&[], &Settings::default()),
        "no backend is registered"
    );
    let settings = Settings {
        fallback: true,
        ..Settings::default()
    };
    assert_eq!(
        reason(&backends(&[1]), &settings),
        "the service's settings say fallback"
    );
}

#[test]
fn a_backend_of_several_addresses_shares_its_weight_among_them() {
    let addresses = |n: u8| -> Vec<SocketAddr> {
        (1..=n)
            .map(|i| SocketAddr::from(([10, 9, n, i], 1)))
            .collect()
    };
    let all = [
        backend("one", 100, &addresses(1)),
        backend("three", 100, &addresses(3)),
        backend("two", 100, &addresses(2)),
    ];
    let list = list_of(&all, &Settings::default(), &usual());
    assert_eq!(
        by_id(&list),
        BTreeMap::from([("one", 6), ("three", 6), ("two", 6)])
    );
    assert_eq!(list.endpoint_slots(), [6, 2, 2, 2, 3, 3]);
    let tokens: BTreeSet<_> = list
        .endpoints()
        .iter()
        .map(|endpoint| endpoint.token)
        .collect();
    assert_eq!(tokens.len(), 3);
    let ids: Vec<_> = (list.slots().iter())
        .map(|slot| match list.slot(*slot) {
            SlotRef::Endpoint(endpoint) => endpoint.id().clone(),
            SlotRef::Drop(_) => panic!("no drops"),
        })
        .collect();
    let pairs = (0..ids.len()).filter(|&i| ids[i] == ids[(i + 1) % ids.len()]);
    assert_eq!(pairs.count(), 0, "{ids:?}");
}

#[test]
fn addresses_are_sorted_each_once_and_at_most_sixteen() {
    let mut addresses = vec![
        addr("10.0.0.2:1"),
        addr("[::ffff:10.0.0.1]:1"),
        addr("10.0.0.1:1"),
    ];
    let list = list_of(
        &[backend("a", 1, &addresses)],
        &Settings::default(),
        &usual(),
    );
    let listed: Vec<_> = list
        .endpoints()
        .iter()
        .map(|endpoint| endpoint.addr)
        .collect();
    assert_eq!(listed, [addr("10.0.0.1:1"), addr("10.0.0.2:1")]);
    addresses.extend((0..40).map(|i| SocketAddr::from(([11, 0, 0, i], 1))));
    let list = list_of(
        &[backend("a", 1, &addresses)],
        &Settings::default(),
        &usual(),
    );
    assert_eq!(list.endpoints().len(), MAX_ADDRESSES_PER_BACKEND);
}

#[test]
fn two_backends_at_one_address_both_stay() {
    let shared = [addr("10.0.0.1:1")];
    let list = list_of(
        &[backend("a", 1, &shared), backend("b", 2, &shared)],
        &Settings::default(),
        &usual(),
    );
    assert_eq!(by_id(&list), BTreeMap::from([("a", 1), ("b", 2)]));
    assert_ne!(list.endpoints()[0].token, list.endpoints()[1].token);
}

#[test]
fn drops_have_their_share_and_their_category_for_a_token() {
    let list = list_of(&backends(&[1, 1, 1]), &dropping(&[250_000]), &usual());
    assert_eq!((list.slots().len(), list.drop_slots()), (4, &[1][..]));
    assert!((list.drop_share(0) - 0.25).abs() < 1e-9);
    assert_eq!(list.drops().as_slice()[0].token().as_str(), "c0");
}

#[test]
fn where_most_calls_are_dropped_their_share_goes_before_fine_weights() {
    let weights: Vec<u32> = (0..100).map(|i| 50 + i * 37 % 101).collect();
    let list = list_of(&backends(&weights), &dropping(&[900_000]), &usual());
    assert!(
        (list.drop_share(0) - 0.9).abs() <= 0.001,
        "{}",
        list.drop_share(0)
    );
    assert!(list.slots().len() <= 2048);
    assert!(list.endpoint_slots().iter().all(|slots| *slots >= 1));
}

#[test]
fn drops_of_all_calls_are_a_list_without_backends() {
    let list = list_of(&backends(&[1, 2]), &dropping(&[1_000_000]), &usual());
    assert_eq!(list.slots(), [Slot::Drop(0)]);
    assert_eq!(
        plan_of(&backends(&[1, 2]), &dropping(&[1_000_000]), &usual()),
        plan_of(&backends(&[5]), &dropping(&[1_000_000]), &usual()),
        "clients see no difference"
    );
}

#[test]
fn a_list_for_a_service_without_backends_drops_every_call() {
    let list = List::no_backends();
    let checked = Drops::new(list.drops().as_slice().to_vec()).unwrap();
    assert_eq!(*list.drops(), checked);
    assert_eq!((list.drop_slots(), list.drop_share(0)), (&[1][..], 1.0));
    let [slot] = list.slots() else { panic!() };
    assert!(matches!(list.slot(*slot), SlotRef::Drop(it) if &*it.category == NO_BACKENDS));
    assert!(list.endpoints().is_empty());
}

#[test]
fn plans_are_equal_if_clients_see_the_same() {
    let one = plan_of(&backends(&[100, 200]), &Settings::default(), &usual());
    let mut rewritten = backends(&[50, 100]);
    Arc::make_mut(&mut rewritten[0].0).revision = 7;
    assert_eq!(one, plan_of(&rewritten, &Settings::default(), &usual()));
    assert_ne!(
        one,
        plan_of(&backends(&[100, 100]), &Settings::default(), &usual())
    );
    let mut moved = backends(&[100, 200]);
    moved[1].1 = Arc::new([addr("10.7.7.7:7")]);
    assert_ne!(one, plan_of(&moved, &Settings::default(), &usual()));
    let mut renamed = backends(&[100, 200]);
    Arc::make_mut(&mut renamed[1].0).id = BackendId::new("other").unwrap();
    assert_ne!(
        one,
        plan_of(&renamed, &Settings::default(), &usual()),
        "another token"
    );
    assert_ne!(one, Plan::Fallback(FallbackReason::Settings));
    assert_eq!(
        Plan::Fallback(FallbackReason::NoBackends),
        Plan::Fallback(FallbackReason::Settings)
    );
    let category = |name: &str| {
        let drop = Drop {
            category: name.into(),
            per_million: 250_000,
        };
        let settings = Settings {
            drops: Drops::new([drop]).unwrap(),
            ..Settings::default()
        };
        plan_of(&backends(&[1, 1, 1]), &settings, &usual())
    };
    assert_ne!(category("a"), category("b"));
    assert_eq!(category("a"), category("a"));
}

#[test]
fn a_list_too_long_for_a_message_gets_coarser_weights_first() {
    // 1,000 slots fit; the weights call for 3,000 and one.
    let list = list_of(
        &backends(&[1_000, 2_001]),
        &Settings::default(),
        &limits(5_000, 1_000 * SLOT_BYTES),
    );
    assert_eq!(
        list.truncation(),
        Some(Truncation::Coarser {
            slots: 1_000,
            of: 3_001
        })
    );
    assert_eq!(list.endpoint_slots(), [333, 667]);
    let text = list.truncation().unwrap().to_string();
    assert!(text.contains("1000 slots instead of 3001"), "{text}");
}

#[test]
fn then_one_slot_each_and_then_a_stable_subset() {
    let weights: Vec<u32> = (0..300).map(|i| 1 + i % 3).collect();
    let mut all = backends(&weights);
    let tight = |slots: usize| limits(1024, slots * SLOT_BYTES);
    let list = list_of(&all, &Settings::default(), &tight(300));
    assert_eq!(
        list.truncation(),
        Some(Truncation::Coarser {
            slots: 300,
            of: 600
        })
    );
    assert_eq!(list.endpoint_slots(), [1; 300]);

    let list = list_of(&all, &Settings::default(), &tight(299));
    assert_eq!(
        list.truncation(),
        Some(Truncation::Subset { kept: 299, of: 300 })
    );

    let subset = |all: &[ResolvedBackend]| -> BTreeSet<BackendId> {
        let list = list_of(all, &Settings::default(), &tight(100));
        assert_eq!(list.slots().len(), 100);
        list.endpoints()
            .iter()
            .map(|endpoint| endpoint.id().clone())
            .collect()
    };
    let before = subset(&all);
    assert_eq!(before.len(), 100);
    for gone in [0, 100, 250] {
        let removed = all.remove(gone).0.id.clone();
        let after = subset(&all);
        let lost: Vec<_> = before.difference(&after).collect();
        assert!(lost.iter().all(|id| **id == removed), "{lost:?}");
        all.push(backend(removed.as_str(), 1, &[addr("10.0.0.9:1")]));
        all.sort_by(|one, other| one.0.id.cmp(&other.0.id));
    }
}

#[test]
fn a_subset_keeps_the_share_of_drops() {
    let list = list_of(
        &backends(&vec![1; 9_000]),
        &dropping(&[500_000]),
        &limits(1024, 4_000 * SLOT_BYTES),
    );
    assert_eq!(
        list.truncation(),
        Some(Truncation::Subset {
            kept: 2_000,
            of: 9_000
        })
    );
    assert!((list.drop_share(0) - 0.5).abs() <= 0.001);
    assert_eq!(list.slots().len(), 4_000);
}

#[test]
fn even_a_limit_below_one_slot_leaves_one() {
    let list = list_of(&backends(&[1, 1]), &Settings::default(), &limits(0, 1));
    assert_eq!(list.slots().len(), 1);
}

#[test]
fn ten_thousand_backends_are_all_in_the_list() {
    let weights: Vec<u32> = (0..10_000).map(|i| 1 + i * 7919 % 1000).collect();
    let list = list_of(&backends(&weights), &Settings::default(), &usual());
    assert_eq!(list.slots().len(), 32_768);
    assert!(list.endpoint_slots().iter().all(|slots| *slots >= 1));
    assert_eq!(list.truncation(), None);
}

proptest! {
    #[test]
    fn no_list_is_empty_or_too_large_and_its_counts_are_its_slots(
        weights in vec(prop_oneof![Just(0), 1u32..5, 1u32..3000, Just(u32::MAX)], 1..120),
        shares in vec(0u32..300_000, 0..3),
        max_slots in 0usize..3000,
        fitting in 1usize..4000,
    ) {
        let all = backends(&weights);
        let n = weights.iter().filter(|weight| **weight > 0).count();
        let plan = plan_of(&all, &dropping(&shares), &limits(max_slots, fitting * SLOT_BYTES));
        let Plan::List(list) = plan else {
            prop_assert_eq!(n, 0);
            return Ok(());
        };
        prop_assert!(!list.slots().is_empty());
        prop_assert!(list.slots().len() <= fitting, "{} > {fitting}", list.slots().len());
        prop_assert!(list.slots().len() <= 2 * crate::length_bound(n, max_slots));
        let mut counted = (vec![0; list.endpoints().len()], vec![0; list.drop_slots().len()]);
        for slot in list.slots() {
            match *slot {
                Slot::Backend(index) => counted.0[index as usize] += 1,
                Slot::Drop(index) => counted.1[index as usize] += 1,
            }
        }
        prop_assert_eq!((&counted.0[..], &counted.1[..]), (list.endpoint_slots(), list.drop_slots()));
        prop_assert!(list.endpoint_slots().iter().all(|slots| *slots > 0));
        let listed = list.endpoints().len();
        match list.truncation() {
            Some(Truncation::Subset { kept, of }) => prop_assert_eq!((kept, of), (listed, n)),
            _ => prop_assert_eq!(listed, n),
        }
    }
}
