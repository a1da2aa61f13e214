use super::*;

fn parsed(value: &str) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-timeout", value.parse().unwrap());
    timeout(&headers)
}

#[test]
fn every_unit_is_read() {
    let expected = [
        ("2H", Duration::from_secs(7200)),
        ("3M", Duration::from_secs(180)),
        ("4S", Duration::from_secs(4)),
        ("5m", Duration::from_millis(5)),
        ("6u", Duration::from_micros(6)),
        ("7n", Duration::from_nanos(7)),
        ("99999999S", Duration::from_secs(99_999_999)),
        ("0m", Duration::ZERO),
    ];
    for (text, duration) in expected {
        assert_eq!(parsed(text), Some(duration), "{text}");
    }
}

#[test]
fn what_is_no_timeout_is_no_limit() {
    for text in [
        "",
        "S",
        "1",
        "1s",
        "123456789S",
        "-1S",
        "+1S",
        "1 S",
        "1.5S",
    ] {
        assert_eq!(parsed(text), None, "{text:?}");
    }
    assert_eq!(timeout(&HeaderMap::new()), None);
}

#[test]
fn what_remains_is_written_so_that_it_can_be_read_and_no_backend_gives_up_first() {
    let times = [
        (Duration::ZERO, "0m"),
        (Duration::from_nanos(1), "1m"),
        (Duration::from_micros(1_999), "2m"),
        (Duration::from_millis(2), "2m"),
        (Duration::from_millis(99_999_999), "99999999m"),
        (Duration::from_millis(100_000_000), "100000S"),
        (Duration::from_millis(100_000_001), "100001S"),
        (Duration::MAX, "99999999S"),
    ];
    for (remaining, expected) in times {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", "1H".parse().unwrap());
        set_remaining(&mut headers, remaining);
        assert_eq!(headers["grpc-timeout"], expected);
        let most = Duration::from_secs(99_999_999);
        assert!(timeout(&headers).unwrap() >= remaining.min(most));
        assert_eq!(headers.len(), 1);
    }
}
