use super::parse;

const GOOD: &str = "\
# HELP a_seconds How long.
# TYPE a_seconds histogram
# UNIT a_seconds seconds
a_seconds_sum{kind=\"x\\\"y\\\\\"} 3.5
a_seconds_count{kind=\"x\\\"y\\\\\"} 2
a_seconds_bucket{le=\"0.5\",kind=\"x\\\"y\\\\\"} 1
a_seconds_bucket{le=\"+Inf\",kind=\"x\\\"y\\\\\"} 2
# HELP b Things.
# TYPE b counter
b_total 1
# EOF
";

#[test]
fn what_is_good_is_read() {
    let families = parse(GOOD).unwrap();
    let histogram = &families["a_seconds"];
    assert_eq!(histogram.unit.as_deref(), Some("seconds"));
    assert_eq!(histogram.samples[0].labels["kind"], "x\"y\\");
    assert_eq!(histogram.labels().into_iter().collect::<Vec<_>>(), ["kind"]);
    assert_eq!(families["b"].sample_names(), ["b_total"]);
}

#[test]
fn what_breaks_a_rule_is_refused() {
    for (from, to, what) in [
        ("# EOF\n", "", "no end"),
        ("b_total 1", "b 1", "a counter without _total"),
        ("b_total 1", "b_total 1\nb_total 2", "the same series twice"),
        ("b_total 1", "b_total -1", "a counter below zero"),
        ("b_total 1", "b_total one", "no number"),
        ("b_total 1", "b_total{x=\"1} 1", "a label that does not end"),
        (
            "b_total 1",
            "b_total{x=\"\\q\"} 1",
            "an escape that is none",
        ),
        ("unit", "unit", "nothing"),
        (
            "# UNIT a_seconds seconds",
            "# UNIT a_seconds bytes",
            "a unit that is no suffix",
        ),
        ("# TYPE b counter\n", "", "no type"),
        ("# HELP b Things.\n", "", "no help"),
        ("le=\"0.5\",kind", "kind", "a bucket without a bound"),
        (
            "_count{kind=\"x\\\"y\\\\\"} 2",
            "_count{kind=\"x\\\"y\\\\\"} 3",
            "a count that is not the last bucket",
        ),
        ("} 1\n", "} 5\n", "buckets that shrink"),
    ] {
        let bad = GOOD.replace(from, to);
        assert_eq!(parse(&bad).is_ok(), what == "nothing", "{what}: {bad}");
    }
}
