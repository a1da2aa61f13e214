use std::time::Duration;

use proptest::prelude::*;

use super::{
    driven::Driven,
    world::{Change, KEYS},
};
use crate::reflector::{FailureKind, Notice};

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<Change>),
    Deliver(usize),
    Repeat(usize),
    Answer(usize),
    Refuse(FailureKind),
    Break(FailureKind),
    Silence,
    Compact(i64),
    Elect,
    Pass(u64),
    Restore(usize, bool),
    RestoreUnseen(usize, bool),
    RestoreAfterAWhile(usize),
}

fn kind() -> impl Strategy<Value = FailureKind> {
    prop_oneof![
        Just(FailureKind::Unavailable),
        Just(FailureKind::Revision),
        Just(FailureKind::TooLarge),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let change = (0..KEYS.len(), prop::option::weighted(0.7, any::<u8>()))
        .prop_map(|(key, value)| (KEYS[key], value));
    prop_oneof![
        8 => prop::collection::vec(change, 0..4).prop_map(Step::Write),
        6 => (1..5usize).prop_map(Step::Deliver),
        1 => (1..5usize).prop_map(Step::Repeat),
        8 => (1..4usize).prop_map(Step::Answer),
        1 => kind().prop_map(Step::Refuse),
        1 => kind().prop_map(Step::Break),
        1 => Just(Step::Silence),
        1 => (0..4i64).prop_map(Step::Compact),
        1 => Just(Step::Elect),
        4 => (1..20_000u64).prop_map(Step::Pass),
    ]
}

fn step_or_restore() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => step(),
        1 => (0..6usize, any::<bool>()).prop_map(|(lost, same)| Step::Restore(lost, same)),
        1 => (0..6usize, any::<bool>()).prop_map(|(lost, same)| Step::RestoreUnseen(lost, same)),
        1 => (0..6usize).prop_map(Step::RestoreAfterAWhile),
    ]
}

fn run(steps: Vec<Step>) -> Driven {
    let mut driven = Driven::new();
    for step in steps {
        match step {
            Step::Write(changes) => driven.world.write(changes),
            Step::Deliver(revisions) => driven.deliver(revisions),
            Step::Repeat(revisions) => driven.repeat(revisions),
            Step::Answer(limit) => driven.answer(limit),
            Step::Refuse(kind) => driven.refuse(kind),
            Step::Break(kind) => driven.break_watch(kind),
            Step::Silence => driven.silence(),
            Step::Compact(short) => {
                let world = &mut driven.world;
                world.compacted = world.compacted.max(world.revision() - short);
            }
            Step::Elect => driven.world.term += 1,
            Step::Pass(ms) => driven.pass(Duration::from_millis(ms)),
            Step::Restore(lost, same_identity) => driven.restore(lost, same_identity),
            Step::RestoreUnseen(lost, same) => driven.restore_unseen(lost, same),
            Step::RestoreAfterAWhile(lost) => driven.away_and_restored(lost),
        }
    }
    driven.settle();
    driven
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    // `Driven` checks every published state on the way: that the store was in exactly
    // that state at that revision, that it never goes back unannounced, and that what
    // did not change is the same `Arc`.

    #[test]
    fn whatever_happens_the_reflector_ends_in_the_true_state(
        steps in prop::collection::vec(step(), 0..120)
    ) {
        let driven = run(steps);
        let mut state = (*driven.state.clone().expect("a state")).clone();
        state.revision = driven.world.revision();
        prop_assert!(driven.world.confirms(&state), "{:?}", driven.reflector);
        let went_back = driven.notices.iter().any(|it| matches!(it, Notice::RolledBack { .. }));
        prop_assert!(!went_back, "a store that never went back was said to have");
    }

    #[test]
    fn a_restored_store_is_followed_too(
        steps in prop::collection::vec(step_or_restore(), 0..120)
    ) {
        let driven = run(steps);
        let mut state = (*driven.state.clone().expect("a state")).clone();
        state.revision = driven.world.revision();
        prop_assert!(driven.world.confirms(&state), "{:?}", driven.reflector);
    }
}
