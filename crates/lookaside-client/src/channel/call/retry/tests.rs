use super::*;
use crate::{PolicyRegistry, service_config::ServiceConfig};

fn retry(throttling: &str) -> Retry {
    let json = format!(
        r#"{{{throttling} "methodConfig": [{{"name": [{{}}], "retryPolicy": {{
            "maxAttempts": 5, "initialBackoff": "1s", "maxBackoff": "100s",
            "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}}}]}}"#
    );
    let config = ServiceConfig::parse(&json, &PolicyRegistry::new()).unwrap();
    let mut source = crate::service_config::ConfigSource::new(PolicyRegistry::new(), config, true);
    let calls = source.begin().unwrap();
    let mut retry = Retry::default();
    let policy = calls.methods.find("/a.B/C").unwrap().retry.as_ref();
    retry.configure(policy, calls.throttle.as_ref());
    retry
}

/// The next wait, rounded to the exponential it is around.
fn next(retry: &mut Retry, code: Code, pushback: Pushback) -> Option<u64> {
    let wait = retry.next(code, pushback, &mut fastrand::Rng::with_seed(3))?;
    let seconds = wait.as_secs_f64();
    [1.0, 2.0, 4.0, 8.0]
        .iter()
        .find(|base| (0.8..=1.2).contains(&(seconds / **base)))
        .map(|base| *base as u64)
}

#[test]
fn attempts_are_counted_and_waits_grow() {
    let mut retry = retry("");
    let waits: Vec<_> = (0..5)
        .map(|_| next(&mut retry, Code::Unavailable, Pushback::Nothing))
        .collect();
    assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), None]);
}

#[test]
fn other_codes_are_final_and_so_is_a_server_that_says_never() {
    let mut retry = retry("");
    assert_eq!(next(&mut retry, Code::Internal, Pushback::Nothing), None);
    let after = Pushback::After(Duration::from_secs(1));
    assert_eq!(next(&mut retry, Code::Internal, after), None);
    assert_eq!(next(&mut retry, Code::Unavailable, Pushback::Never), None);
    assert_eq!(
        Retry::default().next(Code::Unavailable, after, &mut fastrand::Rng::new()),
        None
    );
}

#[test]
fn a_wait_of_the_servers_own_begins_the_back_off_anew() {
    let mut retry = retry("");
    next(&mut retry, Code::Unavailable, Pushback::Nothing);
    next(&mut retry, Code::Unavailable, Pushback::Nothing);
    let wait = Duration::from_millis(17);
    let mut rng = fastrand::Rng::new();
    let pushed = retry.next(Code::Unavailable, Pushback::After(wait), &mut rng);
    assert_eq!(pushed, Some(wait));
    assert_eq!(
        next(&mut retry, Code::Unavailable, Pushback::Nothing),
        Some(1)
    );
    assert_eq!(
        next(&mut retry, Code::Unavailable, Pushback::Nothing),
        None,
        "five in all"
    );
}

#[test]
fn failures_take_tokens_also_when_the_server_says_never() {
    let throttling = r#""retryThrottling": {"maxTokens": 4, "tokenRatio": 0.1},"#;
    for (code, pushback) in [
        (Code::Unavailable, Pushback::Nothing),
        (Code::Internal, Pushback::Never),
    ] {
        let mut first = retry(throttling);
        next(&mut first, code, pushback);
        let mut second = Retry::default();
        second.configure(first.policy.as_ref(), first.throttle.as_ref());
        // 4 - 1 - 1 is half.
        assert_eq!(
            next(&mut second, Code::Unavailable, Pushback::Nothing),
            None
        );
    }
    // What is no failure of the service's takes none.
    let mut first = retry(throttling);
    next(&mut first, Code::Internal, Pushback::Nothing);
    assert_eq!(
        next(&mut first, Code::Unavailable, Pushback::Nothing),
        Some(1)
    );
}

#[test]
fn pushback_is_read_strictly() {
    let read = |values: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PUSHBACK, HeaderValue::from_static(value));
        }
        Pushback::read(&headers)
    };
    assert_eq!(read(&[]), Pushback::Nothing);
    assert_eq!(read(&["0"]), Pushback::After(Duration::ZERO));
    assert_eq!(
        read(&["1500"]),
        Pushback::After(Duration::from_millis(1500))
    );
    for never in ["-1", "", "soon", "1.5", "99999999999"] {
        assert_eq!(read(&[never]), Pushback::Never, "{never}");
    }
    assert_eq!(read(&["1", "1"]), Pushback::Never);
}
