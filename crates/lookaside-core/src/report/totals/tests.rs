use super::*;
use crate::Drop;

fn drops(categories: impl IntoIterator<Item = String>) -> Drops {
    Drops::new(categories.into_iter().map(|category| Drop {
        category: category.into(),
        per_million: 1,
    }))
    .unwrap()
}

fn dropped(token: &str, calls: i64) -> ReportDelta {
    ReportDelta {
        drops: vec![(token.to_owned(), calls)],
        ..ReportDelta::default()
    }
}

fn all(totals: &ReportTotals) -> Vec<(&str, u64)> {
    totals.drops().collect()
}

#[test]
fn reports_are_summed() {
    let mut totals = ReportTotals::default();
    let delta = ReportDelta {
        started: 5,
        finished: 4,
        finished_with_client_failed_to_send: 2,
        finished_known_received: 1,
        drops: vec![("overload".into(), 1)],
    };
    let drops = drops(["overload".into()]);
    totals.add(&delta, &drops);
    totals.add(&delta, &drops);
    assert_eq!(
        (totals.reports, totals.started, totals.finished),
        (2, 10, 8)
    );
    assert_eq!(totals.finished_with_client_failed_to_send, 4);
    assert_eq!(totals.finished_known_received, 2);
    assert_eq!(all(&totals), [("overload", 2)]);
    assert_eq!(totals.negative_numbers, 0);
}

#[test]
fn a_number_below_zero_counts_as_zero_and_is_noted() {
    let mut totals = ReportTotals::default();
    let mut delta = dropped("overload", i64::MIN);
    (delta.started, delta.finished) = (-1, 3);
    totals.add(&delta, &drops(["overload".into()]));
    assert_eq!((totals.started, totals.finished), (0, 3));
    assert_eq!(totals.negative_numbers, 2);
}

#[test]
fn sums_end_at_the_largest_number() {
    let mut totals = ReportTotals::default();
    for _ in 0..3 {
        let delta = ReportDelta {
            started: i64::MAX,
            ..ReportDelta::default()
        };
        totals.add(&delta, &Drops::default());
    }
    assert_eq!(totals.started, u64::MAX);
}

#[test]
fn a_category_is_known_by_its_variant_and_after_it_left_the_settings() {
    let mut totals = ReportTotals::default();
    totals.add(&dropped("overload.x_9", 1), &drops(["overload".into()]));
    totals.add(&dropped("overload", 2), &Drops::default());
    totals.add(&dropped("overload.abc", 4), &Drops::default());
    assert_eq!(all(&totals), [("overload", 7)]);
}

#[test]
fn what_a_client_makes_up_is_one_number() {
    let mut totals = ReportTotals::default();
    for index in 0..1000 {
        totals.add(&dropped(&format!("junk{index}"), 1), &Drops::default());
    }
    assert_eq!(all(&totals), [(OTHER_CATEGORIES, 1000)]);
}

#[test]
fn categories_beyond_the_bound_are_counted_together() {
    let mut totals = ReportTotals::default();
    let names: Vec<String> = (0..MAX_DROP_CATEGORIES + 5)
        .map(|i| format!("c{i:04}"))
        .collect();
    let drops = drops(names.clone());
    for name in names.iter().chain(&names) {
        totals.add(&dropped(name, 1), &drops);
    }
    assert_eq!(totals.drops().count(), MAX_DROP_CATEGORIES + 1);
    let other = totals.drops().find(|(name, _)| *name == OTHER_CATEGORIES);
    assert_eq!(other, Some((OTHER_CATEGORIES, 10)));
    assert!(
        totals
            .drops()
            .all(|(name, calls)| name == OTHER_CATEGORIES || calls == 2)
    );
}
