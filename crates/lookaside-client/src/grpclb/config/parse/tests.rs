use std::time::Duration;

use super::*;

fn parse(json: &str) -> Result<GrpclbConfig, String> {
    GrpclbConfig::parse(json, &PolicyRegistry::new()).map_err(|error| error.to_string())
}

#[test]
fn a_whole_configuration_is_read() {
    let config = parse(
        r#"{"childPolicy": [{"newer": {}}, {"pick_first": {}}], "serviceName": "team/orders",
            "initialFallbackTimeout": "2.5s", "ofTomorrow": 1}"#,
    )
    .unwrap();
    assert_eq!(config.child.unwrap().builder.name(), "pick_first");
    assert_eq!(config.service.unwrap().to_string(), "team/orders");
    assert_eq!(config.fallback_timeout, Some(Duration::from_millis(2500)));
}

#[test]
fn what_is_not_said_is_as_the_channel_was_built() {
    for json in [
        "{}",
        r#"{"serviceName": "", "childPolicy": null}"#,
        r#"{"childPolicy": []}"#,
    ] {
        let config = parse(json).unwrap();
        assert!(config.child.is_none());
        assert!(config.service.is_none());
        assert!(config.fallback_timeout.is_none());
    }
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        (
            r#"{"childPolicy": {"pick_first": {}}}"#,
            "childPolicy: expected a list of policies, found an object with one field",
        ),
        (
            r#"{"serviceName": 3}"#,
            "serviceName: expected a string, found 3",
        ),
        (
            r#"{"serviceName": "a b"}"#,
            "serviceName: service name \"a b\" contains white space or a control character",
        ),
        (
            r#"{"initialFallbackTimeout": "0s"}"#,
            "initialFallbackTimeout: expected a duration above 0 such as \"1.5s\", found \"0s\"",
        ),
        (
            r#"{"initialFallbackTimeout": 10}"#,
            "initialFallbackTimeout: expected a duration above 0 such as \"1.5s\", found 10",
        ),
        ("[]", "expected an object, found an empty list"),
    ];
    for (json, expected) in cases {
        assert_eq!(parse(json).unwrap_err(), expected);
    }
    let unknown = parse(r#"{"childPolicy": [{"newer": {}}]}"#).unwrap_err();
    let expected = "childPolicy: none of its policies is known (newer); known are ";
    assert!(unknown.starts_with(expected), "{unknown}");
}
