use proptest::{collection::vec, prelude::*};

use super::*;

fn counts() -> impl Strategy<Value = Vec<u32>> {
    let count = prop_oneof![1 => Just(0u32), 4 => 1u32..6, 2 => 1u32..60, 1 => 1u32..400];
    prop_oneof![
        vec(count.clone(), 0..6),
        vec(count.clone(), 0..40),
        vec(1u32..4, 0..200),
        // One with about half of the list.
        (vec(count, 1..20), -3i64..4).prop_map(|(mut counts, more)| {
            let others: i64 = counts.iter().copied().map(i64::from).sum();
            counts.push((others + more).max(0) as u32);
            counts
        }),
    ]
}

fn times(list: &[u32], backend: u32) -> usize {
    list.iter().filter(|slot| **slot == backend).count()
}

/// The lengths of the runs of a backend on the circle.
fn runs(list: &[u32], backend: u32) -> Vec<usize> {
    let Some(other) = list.iter().position(|slot| *slot != backend) else {
        return vec![list.len()];
    };
    let turned: Vec<u32> = list[other..]
        .iter()
        .chain(&list[..other])
        .copied()
        .collect();
    let runs = turned.chunk_by(|one, other| (*one == backend) == (*other == backend));
    runs.filter(|run| run[0] == backend)
        .map(<[u32]>::len)
        .collect()
}

/// The distances from each slot of a backend to its next, on the circle.
fn distances(list: &[u32], backend: u32) -> Vec<usize> {
    let at: Vec<usize> = (0..list.len()).filter(|&i| list[i] == backend).collect();
    let next = at
        .iter()
        .skip(1)
        .copied()
        .chain(at.first().map(|first| first + list.len()));
    at.iter().zip(next).map(|(at, next)| next - at).collect()
}

fn assert_no_run_longer_than_needed(list: &[u32], counts: &[u32]) {
    for (backend, &count) in (0u32..).zip(counts).filter(|&(_, &count)| count > 0) {
        let (count, others) = (count as usize, list.len() - count as usize);
        let runs = runs(list, backend);
        let needed = if others == 0 {
            count
        } else {
            count.div_ceil(others)
        };
        let longest = *runs.iter().max().unwrap();
        assert!(
            longest <= needed,
            "{backend}: {longest} > {needed} in {list:?}"
        );
        if count > others && others > 0 {
            assert_eq!(runs.len(), others);
            assert!(runs.iter().all(|run| *run >= count / others), "{runs:?}");
        }
    }
}

proptest! {
    #[test]
    fn every_backend_occurs_as_often_as_it_should(counts in counts()) {
        let list = interleave(&counts);
        prop_assert_eq!(list.len(), counts.iter().sum::<u32>() as usize);
        for (backend, &count) in (0u32..).zip(&counts) {
            prop_assert_eq!(times(&list, backend), count as usize);
        }
    }

    #[test]
    fn no_run_is_longer_than_needed(counts in counts()) {
        assert_no_run_longer_than_needed(&interleave(&counts), &counts);
    }

    #[test]
    fn slots_are_evenly_spaced(counts in counts()) {
        let list = interleave(&counts);
        let mut different: Vec<u32> = counts.iter().copied().filter(|count| *count > 0).collect();
        different.sort_unstable();
        different.dedup();
        // Equal counts take turns exactly, and each other count shifts a slot by at most
        // one; the heaviest, laid around the others, stretches that.
        let heaviest = counts.iter().copied().max().unwrap_or(0) as usize;
        let shift = (different.len() * list.len()) as f64 / (list.len() - heaviest).max(1) as f64;
        for (backend, &count) in (0u32..).zip(&counts).filter(|&(_, &count)| count > 0) {
            let stride = list.len() as f64 / f64::from(count);
            for distance in distances(&list, backend) {
                prop_assert!((distance as f64 - stride).abs() <= shift, "{backend}: {distance}, not {stride}, in {list:?}");
            }
        }
    }

    #[test]
    fn the_order_is_always_the_same(counts in counts()) {
        prop_assert_eq!(interleave(&counts), interleave(&counts));
    }
}

#[test]
fn light_backends_do_not_cluster() {
    // Runs of two heavy slots each, not three light ones together.
    let list = interleave(&[6, 1, 1, 1]);
    assert_eq!(runs(&list, 0), [2, 2, 2]);
    assert_eq!(interleave(&[2, 1, 1]), [1, 0, 2, 0]);
    let list = interleave(&[100, 1, 1, 1, 1]);
    assert_eq!(runs(&list, 0), [25; 4]);
}

#[test]
fn equal_counts_take_turns() {
    assert_eq!(interleave(&[1, 1, 1]), [0, 1, 2]);
    assert_eq!(interleave(&[2, 0, 2]), [0, 2, 0, 2]);
    assert_eq!(interleave(&[1; 10_000]), (0..10_000).collect::<Vec<_>>());
}

#[test]
fn one_backend_is_a_run_of_its_own() {
    assert_eq!(interleave(&[0, 3]), [1, 1, 1]);
    assert!(interleave(&[0, 0]).is_empty());
    assert!(interleave(&[]).is_empty());
}

#[test]
fn one_slot_beside_a_thousand() {
    let list = interleave(&[1, 1023]);
    assert_eq!((times(&list, 0), runs(&list, 1)), (1, vec![1023]));
}

#[test]
fn a_list_of_thousands_of_backends_has_no_pairs() {
    let counts: Vec<u32> = (0..4_000).map(|i| 1 + i * 7919 % 7).collect();
    let list = interleave(&counts);
    assert!((0..list.len()).all(|i| list[i] != list[(i + 1) % list.len()]));
}
