use super::*;

#[test]
fn durations_are_read_as_protocol_buffers_write_them() {
    let cases = [
        ("0s", Duration::ZERO),
        ("1s", Duration::from_secs(1)),
        ("1.5s", Duration::from_millis(1500)),
        ("0.000000001s", Duration::from_nanos(1)),
        (".1s", Duration::from_millis(100)),
        ("1.s", Duration::from_secs(1)),
        ("315576000000s", Duration::from_secs(MAX_SECONDS)),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), Some(expected), "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    for text in [
        "",
        "s",
        ".s",
        "1",
        "1m",
        "1ms",
        "-1s",
        "+1s",
        "1.-5s",
        "1.5.5s",
        "1e3s",
        " 1s",
        "1 s",
        "0.0000000001s",
        "315576000001s",
        "99999999999999999999s",
        "١s",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}
