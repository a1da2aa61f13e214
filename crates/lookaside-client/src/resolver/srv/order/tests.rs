use std::collections::BTreeMap;

use super::*;

fn record(priority: u16, weight: u16, host: &str) -> Srv {
    Srv {
        priority,
        weight,
        port: 7400,
        host: host.to_owned(),
    }
}

fn hosts(records: &[Srv], seed: u64) -> Vec<String> {
    let ordered = by_priority_and_weight(records.to_vec(), seed);
    ordered.into_iter().map(|record| record.host).collect()
}

#[test]
fn lower_priorities_come_first_whatever_the_weights() {
    let records = [
        record(20, 60_000, "c."),
        record(10, 0, "a."),
        record(20, 0, "d."),
        record(15, 1, "b."),
    ];
    for seed in 0..100 {
        let ordered = hosts(&records, seed);
        assert_eq!(ordered[..2], ["a.", "b."]);
        assert_eq!(ordered.len(), 4);
    }
}

#[test]
fn among_equals_the_first_is_drawn_by_weight() {
    let records = [
        record(1, 10, "light."),
        record(1, 30, "heavy."),
        record(1, 0, "none."),
    ];
    let mut first: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..10_000 {
        *first.entry(hosts(&records, seed).remove(0)).or_default() += 1;
    }
    // RFC 2782 draws from 0 to the sum, both included: 0 stands for the first of weight 0.
    let share = |host: &str| f64::from(first[host]) / 10_000.0;
    assert!((share("heavy.") - 30.0 / 41.0).abs() < 0.02, "{first:?}");
    assert!((share("light.") - 10.0 / 41.0).abs() < 0.02, "{first:?}");
    assert!((share("none.") - 1.0 / 41.0).abs() < 0.01, "{first:?}");
}

#[test]
fn a_seed_gives_one_order_in_whatever_order_the_records_came() {
    let mut records: Vec<_> = (0..8).map(|n| record(1, n, &format!("{n}."))).collect();
    let ordered = hosts(&records, 42);
    records.reverse();
    assert_eq!(hosts(&records, 42), ordered);
    assert!((0..50).any(|seed| hosts(&records, seed) != ordered));
}

#[test]
fn records_that_name_nobody_are_left_out_and_duplicates_merged() {
    let mut no_port = record(1, 1, "a.");
    no_port.port = 0;
    let records = [
        record(0, 0, "."),
        no_port,
        record(1, 1, "b."),
        record(1, 1, "b."),
    ];
    assert_eq!(hosts(&records, 1), ["b."]);
    assert!(hosts(&[], 1).is_empty());
}
