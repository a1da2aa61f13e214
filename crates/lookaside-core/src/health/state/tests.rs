use std::{num::NonZeroU32, time::Duration};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::Probe;

fn check(eject_after: u32, return_after: u32, dwell: u64) -> HealthCheck {
    HealthCheck {
        eject_after: NonZeroU32::new(eject_after).unwrap(),
        return_after: NonZeroU32::new(return_after).unwrap(),
        dwell: Duration::from_secs(dwell),
        ..HealthCheck::new(Probe::Tcp)
    }
}

/// Results a second apart; gives the seconds of the changes.
fn changes(results: &str, check: &HealthCheck) -> Vec<usize> {
    let start = Instant::now();
    let mut state = HealthState::default();
    let mut changed = Vec::new();
    for (second, result) in results.chars().enumerate() {
        let now = start + Duration::from_secs(second as u64);
        if state.observe(result == '+', now, check) {
            changed.push(second);
        }
    }
    changed
}

#[test]
fn failures_in_a_row_eject_and_successes_in_a_row_bring_back() {
    let check = check(3, 2, 0);
    assert_eq!(changes("--+--+---", &check), [8]);
    assert_eq!(changes("---+-+-++", &check), [2, 8]);
    assert_eq!(changes("+-+-+-+-+-+-", &check), [0usize; 0]);
}

#[test]
fn one_that_is_dead_from_the_start_does_not_dwell() {
    assert_eq!(changes("---", &check(3, 2, 1000)), [2]);
}

#[test]
fn who_has_changed_stays_so_for_the_dwell_and_leaves_with_the_first_result_after() {
    let check = check(1, 1, 5);
    assert_eq!(changes("-+++++++", &check), [0, 5]);
    assert_eq!(changes("-+----------", &check), [0]);
    assert_eq!(changes("-+-+-+-+-+-+-+-+", &check), [0, 5, 10, 15]);
}

proptest! {
    #[test]
    fn no_change_without_its_results_and_none_within_the_dwell(
        (eject_after, return_after, dwell) in (1u32..5, 1u32..5, 0u64..20),
        results in vec((any::<bool>(), 0u64..10), 0..200),
    ) {
        let check = check(eject_after, return_after, dwell);
        let mut now = Instant::now();
        let mut state = HealthState::default();
        let mut changed_at: Option<Instant> = None;
        let mut row = (true, 0);
        for (is_well, seconds) in results {
            now += Duration::from_secs(seconds);
            row = (is_well, if row.0 == is_well { row.1 + 1 } else { 1 });
            let before = state.is_ejected();
            let changed = state.observe(is_well, now, &check);
            prop_assert_eq!(changed, before != state.is_ejected());
            let dwells = changed_at.is_some_and(|at| now < at + check.dwell);
            let enough = if before { return_after } else { eject_after };
            prop_assert_eq!(changed, is_well == before && row.1 >= enough && !dwells);
            if changed {
                changed_at = Some(now);
            }
        }
    }

    #[test]
    fn whatever_was_before_a_lasting_condition_wins(
        (eject_after, return_after, dwell) in (1u32..5, 1u32..5, 0u64..20),
        results in vec((any::<bool>(), 0u64..10), 0..50),
        is_well: bool,
    ) {
        let check = check(eject_after, return_after, dwell);
        let mut now = Instant::now();
        let mut state = HealthState::default();
        for (is_well, seconds) in results {
            now += Duration::from_secs(seconds);
            state.observe(is_well, now, &check);
        }
        for _ in 0..25 {
            now += Duration::from_secs(1);
            state.observe(is_well, now, &check);
        }
        prop_assert_eq!(state.is_ejected(), !is_well);
    }
}
