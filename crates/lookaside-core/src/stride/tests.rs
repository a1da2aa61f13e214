use proptest::prelude::*;

use super::*;

/// How often each entry is picked in so many rounds, and how many picks that were.
fn picks(schedule: &StrideSchedule, first_round: usize, rounds: usize) -> (Vec<u64>, u64) {
    let entries = schedule.0.len();
    let end = (first_round + rounds) * entries;
    let (mut counts, mut total) = (vec![0; entries], 0);
    let mut turn = first_round * entries;
    while turn < end {
        // The rest of the rounds may hold no pick any more.
        let mut passed_the_end = false;
        let picked = schedule.pick(|| {
            passed_the_end |= turn >= end;
            turn += 1;
            turn - 1
        });
        if !passed_the_end {
            counts[picked] += 1;
            total += 1;
        }
    }
    (counts, total)
}

fn schedule(weights: &[f64]) -> Vec<u16> {
    StrideSchedule::new(weights).0.into_vec()
}

#[test]
fn calls_are_spread_exactly_by_weight() {
    let schedule = StrideSchedule::new(&[1.0, 2.0, 4.0]);
    let (counts, total) = picks(&schedule, 0, FULL as usize);
    assert_eq!(counts, [16384, 32768, 65535]);
    assert_eq!(total, counts.iter().sum());
}

#[test]
fn equal_weights_are_plain_turns() {
    let schedule = StrideSchedule::new(&[0.3, 0.3, 0.3]);
    let mut turn = 0;
    let mut pick = || {
        schedule.pick(|| {
            turn += 1;
            turn - 1
        })
    };
    let picked: Vec<_> = (0..7).map(|_| pick()).collect();
    assert_eq!(picked, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn an_unknown_weight_is_the_mean_of_the_others() {
    for unknown in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let weights = schedule(&[1.0, unknown, 3.0]);
        assert_eq!(weights, [21845, 43690, 65535]);
    }
}

#[test]
fn fewer_than_two_known_weights_are_equal_turns() {
    for weights in [&[0.0, 7.0, 0.0][..], &[0.0, 0.0], &[5.0], &[0.0]] {
        assert!(schedule(weights).iter().all(|weight| *weight == u16::MAX));
    }
}

#[test]
fn a_wild_weight_takes_ten_shares_at_most_and_a_tiny_one_gets_a_hundredth() {
    let weights = schedule(&[1.0, 1.0, 1.0, 1e12]);
    assert_eq!(weights, [6554, 6554, 6554, 65535]);
    let weights = schedule(&[1.0, 1.0, 1.0, 1e-12]);
    assert_eq!(weights, [65535, 65535, 65535, 655]);
}

#[test]
fn neighbours_of_half_the_weight_do_not_pass_together() {
    // After the first round, each has every other one: never both, and never neither.
    let schedule = StrideSchedule::new(&[2.0, 1.0, 1.0, 2.0]);
    let mut turn = 0;
    let mut pick = || {
        schedule.pick(|| {
            turn += 1;
            turn - 1
        })
    };
    let picked: Vec<_> = (0..3000).map(|_| pick()).collect();
    let rounds = picked[4..].chunks_exact(3);
    assert!(rounds.clone().all(|round| round[0] == 0 && round[2] == 3));
    assert!(rounds.clone().any(|round| round[1] == 1) && rounds.clone().any(|round| round[1] == 2));
}

proptest! {
    #[test]
    fn in_any_rounds_every_entry_has_its_share_to_within_a_turn(
        weights in prop::collection::vec(0.01f64..100.0, 1..40),
        first in 0usize..1_000_000,
        rounds in 1usize..200,
    ) {
        let schedule = StrideSchedule::new(&weights);
        let (counts, _) = picks(&schedule, first, rounds);
        for (count, weight) in counts.iter().zip(&schedule.0) {
            let share = rounds as f64 * f64::from(*weight) / FULL as f64;
            prop_assert!((*count as f64 - share).abs() <= 1.0, "{count} {share}");
        }
    }

    #[test]
    fn few_are_passed_over_whatever_the_weights(
        weights in prop::collection::vec(prop::num::f64::ANY, 1..200),
    ) {
        let schedule = StrideSchedule::new(&weights);
        prop_assert_eq!(schedule.0.len(), weights.len());
        let (rounds, entries) = (100, weights.len() as u64);
        let (_, total) = picks(&schedule, 0, rounds);
        // Two for the turns that the ends of the rounds cut off.
        prop_assert!(rounds as u64 * entries <= 20 * (total + 2 * entries), "{total} {entries}");
        let mean = schedule.0.iter().map(|w| u64::from(*w)).sum::<u64>() / entries;
        prop_assert!(FULL <= 20 * (mean + 1), "{mean}");
    }

    #[test]
    fn it_is_as_good_at_the_end_of_the_counter(weights in prop::collection::vec(0.1f64..10.0, 2..20)) {
        let schedule = StrideSchedule::new(&weights);
        let mut turn = usize::MAX - 50;
        for _ in 0..200 {
            let picked = schedule.pick(|| {
                turn = turn.wrapping_add(1);
                turn
            });
            prop_assert!(picked < weights.len());
        }
    }
}
