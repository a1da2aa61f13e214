use super::*;
use crate::service_config::document;

fn parse(text: &str) -> Result<ThrottleSettings, String> {
    let value = document(text).unwrap();
    ThrottleSettings::parse(&Node::root(&value)).map_err(|error| error.to_string())
}

fn throttle(max: u32, ratio: f64) -> RetryThrottle {
    let settings = parse(&format!("{{\"maxTokens\":{max},\"tokenRatio\":{ratio}}}"));
    RetryThrottle::new(settings.unwrap(), None)
}

#[test]
fn at_half_the_tokens_nothing_is_tried_again_until_there_are_more() {
    let throttle = throttle(10, 0.5);
    let allowed: Vec<_> = (0..6).map(|_| throttle.failed()).collect();
    assert_eq!(allowed, [true, true, true, true, false, false]);
    // 4 tokens; after four successes 6, and the next failure leaves 5.
    (0..4).for_each(|_| throttle.succeeded());
    assert!(!throttle.failed());
    (0..4).for_each(|_| throttle.succeeded());
    assert!(throttle.failed());
}

#[test]
fn there_are_never_more_tokens_than_the_most_nor_less_than_none() {
    let throttle = throttle(2, 1.0);
    (0..100).for_each(|_| throttle.succeeded());
    assert_eq!(throttle.tokens.load(Relaxed), 2000);
    (0..100).for_each(|_| _ = throttle.failed());
    assert_eq!(throttle.tokens.load(Relaxed), 0);
}

#[test]
fn a_new_bucket_is_as_full_as_the_old_one() {
    let old = throttle(10, 0.1);
    (0..4).for_each(|_| _ = old.failed());
    let new = RetryThrottle::new(throttle(100, 0.1).settings, Some(&old));
    assert_eq!(new.tokens.load(Relaxed), 60_000);
}

#[test]
fn settings_are_checked() {
    let cases = [
        ("{}", "maxTokens is missing"),
        (
            r#"{"maxTokens":0,"tokenRatio":1}"#,
            "maxTokens: expected a whole number from 1 to 1000, found 0",
        ),
        (
            r#"{"maxTokens":1001,"tokenRatio":1}"#,
            "maxTokens: expected a whole number from 1 to 1000, found 1001",
        ),
        (r#"{"maxTokens":10}"#, "tokenRatio is missing"),
        (
            r#"{"maxTokens":10,"tokenRatio":-1}"#,
            "tokenRatio: expected a number above 0, found -1",
        ),
        (
            r#"{"maxTokens":10,"tokenRatio":0.0001}"#,
            "tokenRatio: expected at least 0.001, found 0.0001",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).unwrap_err(), expected);
    }
    // Decimals beyond the third are cut off.
    let settings = parse(r#"{"maxTokens":1000,"tokenRatio":0.1239}"#).unwrap();
    assert_eq!((settings.max, settings.ratio), (1_000_000, 123));
}

#[test]
fn a_ratio_of_up_to_three_decimals_counts_as_it_is_written() {
    for thousandths in 1..=5000 {
        let ratio = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        let text = format!("{{\"maxTokens\":1000,\"tokenRatio\":{ratio}}}");
        assert_eq!(parse(&text).unwrap().ratio, thousandths, "{ratio}");
    }
}
