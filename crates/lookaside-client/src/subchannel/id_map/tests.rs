use std::{collections::HashSet, hash::BuildHasher};

use super::*;

fn hash(id: u64) -> u64 {
    BuildHasherDefault::<IdHasher>::default().hash_one(SubchannelId(id))
}

#[test]
fn ids_given_in_turn_spread_over_both_ends_of_the_hash() {
    let hashes: Vec<_> = (0..4096).map(hash).collect();
    let low: HashSet<_> = hashes.iter().map(|hash| hash % 4096).collect();
    assert_eq!(low.len(), 4096);
    for tag in 0..128 {
        let same = hashes.iter().filter(|hash| **hash >> 57 == tag).count();
        assert!((24..=40).contains(&same), "{same} with tag {tag}");
    }
}
