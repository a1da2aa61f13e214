use proptest::{collection::vec, prelude::*};

use super::*;

fn weight() -> impl Strategy<Value = u64> {
    prop_oneof![
        1 => Just(0),
        4 => 1u64..10,
        4 => 1u64..2000,
        1 => Just(100),
        1 => Just(u64::from(u32::MAX)),
        1 => 1..=u64::MAX,
    ]
}

fn weights() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        vec(weight(), 0..12),
        vec(weight(), 0..200),
        vec(1u64..1000, 0..300)
    ]
}

fn total(weights: &[u64]) -> u128 {
    weights.iter().map(|&weight| u128::from(weight)).sum()
}

fn slots(counts: &[u32]) -> u128 {
    counts.iter().map(|&count| u128::from(count)).sum()
}

/// Whether `count` is within one slot of `weight / total` of `slots`.
fn within_one(count: u32, weight: u64, total: u128, slots: u128) -> bool {
    (u128::from(count) * total).abs_diff(u128::from(weight) * slots) < total
}

/// Which backends get exactly one slot of `bound`, found the slow way: again and again
/// all that are under one slot of what remains.
fn under_one(weights: &[u64], bound: usize) -> Vec<bool> {
    let mut under: Vec<bool> = vec![false; weights.len()];
    loop {
        let rest = |under: &[bool]| -> (u128, u128) {
            let left = bound - under.iter().filter(|under| **under).count();
            let weights = weights.iter().zip(under).filter(|(_, under)| !**under);
            (
                left as u128,
                weights.map(|(&weight, _)| u128::from(weight)).sum(),
            )
        };
        let (left, sum) = rest(&under);
        let before = under.clone();
        for (under, &weight) in under.iter_mut().zip(weights) {
            *under |= weight > 0 && u128::from(weight) * left < sum;
        }
        if under == before {
            return under;
        }
    }
}

proptest! {
    #[test]
    fn a_backend_has_slots_exactly_if_it_has_weight_and_the_list_keeps_its_bound(
        weights in weights(), max_slots in 0usize..1500,
    ) {
        let counts = apportion(&weights, max_slots).counts;
        prop_assert_eq!(counts.len(), weights.len());
        for (count, weight) in counts.iter().zip(&weights) {
            prop_assert_eq!(*count == 0, *weight == 0);
        }
        let n = weights.iter().filter(|weight| **weight > 0).count();
        let bound = max_slots.max(n.max((4 * n).min(32_768)));
        prop_assert!(slots(&counts) <= bound as u128);
        prop_assert_eq!(bound, length_bound(n, max_slots));
    }

    #[test]
    fn weights_that_fit_are_exact_and_in_the_shortest_list(
        weights in vec(0u64..40, 1..20), factor in 1u64..1 << 50,
    ) {
        let scaled: Vec<u64> = weights.iter().map(|weight| weight * factor).collect();
        let result = apportion(&scaled, 1024);
        prop_assert_eq!(result.largest_error, 0.0);
        let divisor = weights.iter().copied().fold(0, gcd).max(1);
        let expected: Vec<u32> = weights.iter().map(|&weight| (weight / divisor) as u32).collect();
        prop_assert_eq!(result.counts, expected);
    }

    #[test]
    fn under_one_slot_gets_one_and_the_others_are_within_one_of_their_share_of_the_rest(
        weights in weights(), max_slots in 0usize..1500,
    ) {
        let counts = apportion(&weights, max_slots).counts;
        let n = weights.iter().filter(|weight| **weight > 0).count();
        let bound = length_bound(n, max_slots);
        let divisor = u128::from(weights.iter().copied().fold(0, gcd).max(1));
        prop_assume!(total(&weights) / divisor > bound as u128);

        let under = under_one(&weights, bound);
        let above: Vec<(u64, u32)> = (weights.iter().copied())
            .zip(counts.iter().copied())
            .zip(&under)
            .filter(|(_, under)| !**under)
            .map(|(pair, _)| pair)
            .collect();
        for (count, under) in counts.iter().zip(&under) {
            prop_assert!(!under || *count == 1);
        }
        let (weights, counts): (Vec<u64>, Vec<u32>) = above.into_iter().unzip();
        let (rest, sum) = (slots(&counts), total(&weights));
        for (&weight, &count) in weights.iter().zip(&counts) {
            prop_assert!(within_one(count, weight, sum, rest), "{count} for {weight}/{sum} of {rest}");
        }
        // Nothing of the bound is left unused, unless half as many say the same.
        let taken = under.iter().filter(|under| **under).count();
        if taken > 0 {
            prop_assert_eq!(rest, (bound - taken) as u128);
        } else {
            prop_assert_eq!(bound as u128 % rest, 0);
        }
        // By largest remainder: who was rounded up had no smaller one than who was not.
        if taken > 0 || rest == bound as u128 {
            let remainder = |weight: u64| u128::from(weight) * rest % sum;
            let up = |weight: u64, count: u32| u128::from(count) > u128::from(weight) * rest / sum;
            let pairs = || weights.iter().copied().zip(counts.iter().copied());
            let least_up = pairs().filter(|&(w, c)| up(w, c)).map(|(w, _)| remainder(w)).min();
            let most_down = pairs().filter(|&(w, c)| !up(w, c)).map(|(w, _)| remainder(w)).max();
            prop_assert!(least_up.is_none_or(|least| most_down.is_none_or(|most| least >= most)));
        }
    }

    #[test]
    fn the_error_is_the_largest_difference_of_shares(weights in weights(), max_slots in 0usize..1500) {
        let result = apportion(&weights, max_slots);
        let (sum, slots) = (total(&weights) as f64, slots(&result.counts) as f64);
        let largest = weights
            .iter()
            .zip(&result.counts)
            .map(|(&weight, &count)| (f64::from(count) / slots - weight as f64 / sum).abs())
            .fold(0.0, f64::max);
        prop_assert!((result.largest_error - largest).abs() < 1e-9);
    }
}

#[test]
fn one_backend_has_one_slot() {
    assert_eq!(apportion(&[u64::MAX], 1).counts, [1]);
    assert_eq!(apportion(&[0, 7, 0], 1024).counts, [0, 1, 0]);
}

#[test]
fn nothing_of_weight_is_nothing() {
    assert!(apportion(&[], 1024).counts.is_empty());
    assert_eq!(apportion(&[0, 0], 1024).counts, [0, 0]);
}

#[test]
fn equal_weights_have_one_slot_each_however_many() {
    assert_eq!(apportion(&vec![100; 10_000], 1024).counts, vec![1; 10_000]);
    assert_eq!(
        apportion(&vec![u64::MAX; 50_000], 0).counts,
        vec![1; 50_000]
    );
}

#[test]
fn one_beside_the_largest_weight_still_has_its_slot() {
    let result = apportion(&[1, u32::MAX.into()], 1024);
    assert_eq!(result.counts, [1, 1023]);
    assert!((result.largest_error - 1.0 / 1024.0).abs() < 1e-6);
}

#[test]
fn giving_one_slot_may_put_another_backend_under_one() {
    // Of 12 slots (4 · 3) the shares are 0.6, 1.0, 10.4; once the first has its one, the
    // second's share of the other 11 is under one.
    let (a, b, c) = (6_000_000, 10_000_001, 103_999_999);
    assert_eq!(apportion(&[a, b, c], 0).counts, [1, 1, 10]);
    assert_eq!(under_one(&[a, b - 2, c], 12), [true, true, false]);
}

#[test]
fn a_share_that_the_light_ones_take_below_one_is_not_rounded_to_nothing() {
    // Of all 32,768 slots the middle one's share is 3.9; of the 3,768 that 29,000 light
    // ones leave it is 0.45, while the heavy ones' shares have larger remainders.
    let mut weights = vec![1; 29_000];
    weights.push(119_000);
    weights.extend([1_000_001; 999]);
    let counts = apportion(&weights, 0).counts;
    assert_eq!(counts[..29_001], [1; 29_001]);
    assert!(counts[29_001..].iter().all(|count| [3, 4].contains(count)));
    assert_eq!(slots(&counts), 32_768);
}

#[test]
fn nearly_equal_weights_are_reduced_to_the_shortest_list() {
    assert_eq!(apportion(&[1_000_001, 999_999], 1024).counts, [1, 1]);
}

#[test]
fn ten_thousand_backends_have_room_for_four_slots_each_up_to_a_limit() {
    assert_eq!(length_bound(3, 1024), 1024);
    assert_eq!(length_bound(1000, 1024), 4000);
    assert_eq!(length_bound(10_000, 1024), 32_768);
    assert_eq!(length_bound(40_000, 1024), 40_000);
    let weights: Vec<u64> = (0..10_000).map(|i| 1 + i * 7919 % 1000).collect();
    assert_eq!(slots(&apportion(&weights, 1024).counts), 32_768);
}
