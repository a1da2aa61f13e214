use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn two_streams_start_half_a_list_apart() {
    assert_eq!(start(32, 0), 0);
    assert_eq!(start(32, 1), 16);
}

proptest! {
    #[test]
    fn successive_streams_start_at_up_to_16_evenly_spaced_places(len in 1usize..5000, first in 0usize..1000) {
        let places = len.min(MAX_ROTATIONS);
        let starts: BTreeSet<_> = (first..first + places).map(|i| start(len, i)).collect();
        prop_assert_eq!(starts.len(), places);
        prop_assert_eq!(starts.first(), Some(&0));
        let starts: Vec<_> = starts.into_iter().collect();
        for (i, place) in starts.iter().enumerate() {
            let next = starts.get(i + 1).copied().unwrap_or(len);
            prop_assert!((len / places..=len.div_ceil(places)).contains(&(next - place)));
        }
    }

    #[test]
    fn rotations_come_round_again(len in 1usize..5000, index in 0usize..1000) {
        prop_assert_eq!(start(len, index), start(len, index + len.min(MAX_ROTATIONS)));
    }
}
