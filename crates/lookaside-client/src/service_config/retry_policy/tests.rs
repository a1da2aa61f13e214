use super::*;
use crate::service_config::document;

fn parse(text: &str) -> Result<RetryPolicy, String> {
    let value = document(text).unwrap();
    RetryPolicy::parse(&Node::root(&value)).map_err(|error| error.to_string())
}

fn with(field: &str, value: &str) -> String {
    let mut fields = [
        ("maxAttempts", "4"),
        ("initialBackoff", "\"0.1s\""),
        ("maxBackoff", "\"1s\""),
        ("backoffMultiplier", "2"),
        ("retryableStatusCodes", "[\"UNAVAILABLE\", \"aborted\", 8]"),
    ];
    if let Some(known) = fields.iter_mut().find(|(name, _)| *name == field) {
        known.1 = value;
    }
    let fields: Vec<_> = fields
        .iter()
        .map(|(n, v)| format!("\"{n}\": {v}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

#[test]
fn codes_are_known_by_name_and_number() {
    let policy = parse(&with("", "")).unwrap();
    assert_eq!(policy.max_attempts, 4);
    for code in 0..=16 {
        let code = Code::from_i32(code);
        let expected = matches!(
            code,
            Code::Unavailable | Code::Aborted | Code::ResourceExhausted
        );
        assert_eq!(policy.is_retryable(code), expected, "{code:?}");
    }
}

#[test]
fn attempts_are_capped_at_five() {
    for (written, expected) in [("2", 2), ("5", 5), ("6", 5), ("99999999999", 5)] {
        let policy = parse(&with("maxAttempts", written)).unwrap();
        assert_eq!(policy.max_attempts, expected);
    }
}

#[test]
fn every_field_is_needed_and_checked() {
    let cases = [
        ("maxAttempts", "null", "maxAttempts is missing"),
        (
            "maxAttempts",
            "1",
            "maxAttempts: expected a whole number from 2, found 1",
        ),
        (
            "maxAttempts",
            "2.5",
            "maxAttempts: expected a whole number from 2, found 2.5",
        ),
        ("initialBackoff", "null", "initialBackoff is missing"),
        (
            "initialBackoff",
            "\"0s\"",
            "initialBackoff: expected a duration above 0 such as \"1.5s\", found \"0s\"",
        ),
        (
            "maxBackoff",
            "1",
            "maxBackoff: expected a duration above 0 such as \"1.5s\", found 1",
        ),
        (
            "backoffMultiplier",
            "0",
            "backoffMultiplier: expected a number above 0, found 0",
        ),
        (
            "backoffMultiplier",
            "\"2\"",
            "backoffMultiplier: expected a number above 0, found \"2\"",
        ),
        (
            "retryableStatusCodes",
            "[]",
            "retryableStatusCodes: expected at least one status code, found an empty list",
        ),
        (
            "retryableStatusCodes",
            "[14, \"OK\"]",
            "retryableStatusCodes[1]: expected a status code other than OK, by name or number, \
             found \"OK\"",
        ),
        (
            "retryableStatusCodes",
            "[17]",
            "retryableStatusCodes[0]: expected a status code other than OK, by name or number, \
             found 17",
        ),
        (
            "retryableStatusCodes",
            "[\"BUSY\"]",
            "retryableStatusCodes[0]: expected a status code other than OK, by name or number, \
             found \"BUSY\"",
        ),
    ];
    for (field, value, expected) in cases {
        assert_eq!(parse(&with(field, value)).unwrap_err(), expected);
    }
}

#[test]
fn waits_grow_by_the_multiplier_up_to_the_longest_within_a_fifth() {
    let policy = parse(&with("", "")).unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    for (n, base) in [
        (1, 100),
        (2, 200),
        (3, 400),
        (4, 800),
        (5, 1000),
        (99, 1000),
    ] {
        let waits: Vec<_> = (0..200).map(|_| policy.backoff(n, &mut rng)).collect();
        let shortest = waits.iter().min().unwrap().as_secs_f64() * 1000.0 / f64::from(base);
        let longest = waits.iter().max().unwrap().as_secs_f64() * 1000.0 / f64::from(base);
        assert!((0.8..0.82).contains(&shortest), "{n}: {shortest}");
        assert!((1.18..=1.2).contains(&longest), "{n}: {longest}");
    }
}

#[test]
fn waits_may_shrink_too_and_never_overflow() {
    let mut rng = fastrand::Rng::with_seed(1);
    let policy = parse(&with("backoffMultiplier", "0.5")).unwrap();
    assert!(policy.backoff(3, &mut rng) < Duration::from_millis(31));
    let policy = parse(&with("backoffMultiplier", "1e300")).unwrap();
    assert!(policy.backoff(4, &mut rng) <= Duration::from_millis(1200));
}
