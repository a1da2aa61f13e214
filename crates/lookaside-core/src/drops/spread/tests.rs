use proptest::{collection::vec, prelude::*};

use super::*;
use crate::Drop;

fn drops(shares: &[u32]) -> Drops {
    Drops::new(shares.iter().enumerate().map(|(index, &per_million)| Drop {
        category: format!("c{index}").into(),
        per_million,
    }))
    .unwrap()
}

/// One to four categories, of less than all calls together.
fn shares() -> impl Strategy<Value = Vec<u32>> {
    let share = prop_oneof![
        1u32..2_000,
        1u32..240_000,
        (1u32..24).prop_map(|percent| percent * 10_000)
    ];
    prop_oneof![
        vec(share, 1..=4),
        (1u32..1_000_000).prop_map(|share| vec![share])
    ]
}

fn count(list: &[Slot], drop: u32) -> usize {
    list.iter()
        .filter(|slot| **slot == Slot::Drop(drop))
        .count()
}

fn dropped(list: &[Slot]) -> Vec<usize> {
    (0..list.len())
        .filter(|&i| matches!(list[i], Slot::Drop(_)))
        .collect()
}

fn backends(list: &[Slot]) -> Vec<u32> {
    list.iter()
        .filter_map(|slot| match slot {
            Slot::Backend(index) => Some(*index),
            Slot::Drop(_) => None,
        })
        .collect()
}

/// The largest error of a list of so many slots, per million times slots.
fn error(shares: &[u32], counts: &[usize], slots: usize) -> u64 {
    let off = |share: u64, count: usize| (count as u64 * MILLION).abs_diff(share * slots as u64);
    let sum = off(
        shares.iter().map(|share| u64::from(*share)).sum(),
        counts.iter().sum(),
    );
    let each = shares
        .iter()
        .zip(counts)
        .map(|(share, count)| off(u64::from(*share), *count));
    each.fold(sum, u64::max)
}

proptest! {
    #[test]
    fn shares_are_within_a_tenth_of_a_percentage_point_in_any_list_of_usual_size(
        backend_slots in 1usize..1024, shares in shares(),
    ) {
        let order: Vec<u32> = (0..backend_slots as u32).collect();
        let sum: u64 = shares.iter().map(|share| u64::from(*share)).sum();
        prop_assume!(backend_slots as u64 * MILLION <= 2048 * (MILLION - sum));
        let list = spread_drops(&order, &drops(&shares), 1024);
        prop_assert!(list.len() <= 2048);
        let counts: Vec<usize> = (0..shares.len() as u32).map(|drop| count(&list, drop)).collect();
        prop_assert!(
            error(&shares, &counts, list.len()) <= 1_000 * list.len() as u64,
            "{counts:?} of {}", list.len(),
        );
        for (count, share) in counts.iter().zip(&shares) {
            prop_assert!(*count > 0 || share * 4096 < MILLION as u32, "no slot for {share}");
        }
    }

    #[test]
    fn the_backends_slots_are_whole_rounds_in_their_order(
        order in vec(0u32..9, 1..60), shares in shares(), bound in 1usize..300,
    ) {
        let list = spread_drops(&order, &drops(&shares), bound.max(order.len()));
        let backends = backends(&list);
        prop_assert!(!backends.is_empty() && backends.len().is_multiple_of(order.len()));
        prop_assert!(backends.chunks(order.len()).all(|round| round == order));
        prop_assert!(list.len() <= 2 * bound.max(order.len()));
    }

    #[test]
    fn drops_are_evenly_spread_and_their_categories_over_them(
        backend_slots in 1u32..200, shares in shares(),
    ) {
        let order: Vec<u32> = (0..backend_slots).collect();
        let list = spread_drops(&order, &drops(&shares), 1024);
        let at = dropped(&list);
        prop_assume!(!at.is_empty());
        let next = at.iter().skip(1).copied().chain([at[0] + list.len()]);
        let distances: Vec<usize> = at.iter().zip(next).map(|(at, next)| next - at).collect();
        let (least, most) = (distances.iter().min().unwrap(), distances.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{distances:?}");
        let counts: Vec<u32> = (0..shares.len() as u32).map(|drop| count(&list, drop) as u32).collect();
        let categories: Vec<Slot> = at.iter().map(|at| list[*at]).collect();
        let expected: Vec<Slot> = interleave(&counts).into_iter().map(Slot::Drop).collect();
        prop_assert_eq!(categories, expected);
    }

    /// Against all lists there are.
    #[test]
    fn the_list_is_repeated_the_fewest_times_or_is_the_nearest(
        backend_slots in 1usize..8, shares in vec(1u32..450_000, 1..=2), bound in 8usize..40,
    ) {
        let order: Vec<u32> = (0..backend_slots as u32).collect();
        let list = spread_drops(&order, &drops(&shares), bound);
        let counts: Vec<usize> = (0..shares.len() as u32).map(|drop| count(&list, drop)).collect();
        let deserves = |share: u32| u64::from(share) * 4 * bound as u64 >= MILLION;
        let allowed = |counts: &[usize]| {
            shares.iter().zip(counts).all(|(share, count)| *count > 0 || !deserves(*share))
        };
        let found = error(&shares, &counts, list.len()) as f64 / list.len() as f64;
        let repeats = backends(&list).len() / backend_slots;
        prop_assert!(allowed(&counts));
        for other in 1..=2 * bound / backend_slots {
            let room = 2 * bound - other * backend_slots;
            for first in 0..=room {
                for second in 0..=if shares.len() > 1 { room - first } else { 0 } {
                    let counts = &[first, second][..shares.len()];
                    let slots = other * backend_slots + first + second;
                    let error = error(&shares, counts, slots) as f64 / slots as f64;
                    if !allowed(counts) {
                        continue;
                    }
                    if found <= 1_000.0 {
                        prop_assert!(error > 1_000.0 || other >= repeats, "{other} < {repeats}");
                        prop_assert!(other > repeats || error > found - 1e-6 || other < repeats);
                    } else {
                        prop_assert!(error > found - 1e-6, "{counts:?} {slots} {error} < {found}");
                    }
                }
            }
        }
    }

    #[test]
    fn drops_of_all_calls_leave_no_backend(parts in vec(1u32..1000, 1..6), backend_slots in 0u32..5) {
        let sum: u32 = parts.iter().sum();
        let mut shares: Vec<u32> = parts.iter().map(|part| (u64::from(*part) * MILLION / u64::from(sum)) as u32).collect();
        shares[0] += MILLION as u32 - shares.iter().sum::<u32>();
        let order: Vec<u32> = (0..backend_slots).collect();
        let list = spread_drops(&order, &drops(&shares), 1024);
        prop_assert!(backends(&list).is_empty() && !list.is_empty());
        let counts: Vec<usize> = (0..shares.len() as u32).map(|drop| count(&list, drop)).collect();
        prop_assert!(error(&shares, &counts, list.len()) <= 1_000 * list.len() as u64);
    }
}

/// 24 drops of 29 slots, although 25 have room: 12 of them are nearer to both shares than 12
/// and 13 of 30 are.
#[test]
fn where_room_is_short_the_nearest_list_may_be_shorter_than_the_longest() {
    let list = spread_drops(&[0, 1, 2, 3, 4], &drops(&[417_328, 427_422]), 15);
    assert_eq!([count(&list, 0), count(&list, 1), list.len()], [12, 12, 29]);
}

#[test]
fn no_drops_change_nothing() {
    let expected = [3, 1, 2].map(Slot::Backend);
    assert_eq!(spread_drops(&[3, 1, 2], &Drops::default(), 1024), expected);
}

#[test]
fn a_quarter_is_one_slot_beside_three() {
    let list = spread_drops(&[0, 1, 2], &drops(&[250_000]), 1024);
    assert_eq!(list.len(), 4);
    assert_eq!(dropped(&list).len(), 1);
}

#[test]
fn half_alternates() {
    let list = spread_drops(&[0, 1], &drops(&[500_000]), 1024);
    assert_eq!(dropped(&list), [1, 3]);
}

#[test]
fn all_calls_in_two_categories_are_two_slots() {
    let list = spread_drops(&[0, 1], &drops(&[500_000, 500_000]), 1024);
    assert_eq!(list, [Slot::Drop(0), Slot::Drop(1)]);
    assert_eq!(spread_drops(&[0], &drops(&[1_000_000]), 1), [Slot::Drop(0)]);
}

#[test]
fn a_small_share_is_not_left_out() {
    let list = spread_drops(&[0, 1], &drops(&[500]), 1024);
    assert_eq!(count(&list, 0), 1);
    assert!(
        list.len() >= 667,
        "within a tenth of a percentage point of 0.05 %"
    );
    // One slot of the longest list would be twenty times too many.
    assert_eq!(count(&spread_drops(&[0, 1], &drops(&[25]), 1024), 0), 0);
}

#[test]
fn more_drops_than_there_is_room_for_take_all_the_room() {
    let order: Vec<u32> = (0..1000).collect();
    let list = spread_drops(&order, &drops(&[900_000]), 1024);
    assert_eq!((list.len(), dropped(&list).len()), (2048, 1048));
}

#[test]
fn thousands_of_categories_are_no_burden() {
    let shares = vec![100; 5_000];
    let list = spread_drops(&[0, 1, 2], &drops(&shares), 1024);
    assert!(list.len() <= 2048);
}
