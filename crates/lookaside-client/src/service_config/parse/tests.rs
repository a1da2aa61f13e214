use std::time::Duration;

use super::*;

fn parse(text: &str) -> Result<ServiceConfig, String> {
    ServiceConfig::parse(text, &PolicyRegistry::new()).map_err(|error| error.to_string())
}

fn refused(text: &str) -> String {
    match parse(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error,
    }
}

#[test]
fn a_whole_config_is_read() {
    let config = parse(
        r#"{
            "loadBalancingPolicy": "pick_first",
            "loadBalancingConfig": [{"of_tomorrow": {}}, {"round_robin": {}}],
            "methodConfig": [
                {"name": [{}], "timeout": "10s", "waitForReady": null},
                {
                    "name": [{"service": "shop.Orders"}, {"service": "shop.Cart", "method": "Get"}],
                    "waitForReady": true,
                    "timeout": "1.5s",
                    "maxRequestMessageBytes": "1024",
                    "maxResponseMessageBytes": 2048,
                    "ofTomorrow": 3
                },
                {"timeout": "9s"}
            ],
            "healthCheckConfig": {"serviceName": "orders"},
            "ofTomorrow": {}
        }"#,
    )
    .unwrap();
    assert_eq!(config.policy.unwrap().builder.name(), "round_robin");
    assert_eq!(config.health_service.as_deref(), Some("orders"));
    let expected = MethodConfig {
        timeout: Some(Duration::from_millis(1500)),
        wait_for_ready: Some(true),
        max_request: Some(1024),
        max_response: Some(2048),
        ..MethodConfig::default()
    };
    for path in ["/shop.Orders/Get", "/shop.Cart/Get"] {
        assert_eq!(config.methods.find(path), Some(&expected), "{path}");
    }
    let expected = MethodConfig {
        timeout: Some(Duration::from_secs(10)),
        ..MethodConfig::default()
    };
    assert_eq!(config.methods.find("/shop.Cart/Put"), Some(&expected));
}

#[test]
fn nothing_is_a_config_too() {
    for text in [
        "{}",
        r#"{"loadBalancingPolicy": ""}"#,
        r#"{"methodConfig": []}"#,
    ] {
        let config = parse(text).unwrap();
        assert!(config.policy.is_none());
        assert!(config.methods.find("/a.B/C").is_none());
        assert!(config.health_service.is_none());
    }
}

#[test]
fn a_policy_can_be_named_in_the_old_way() {
    let config = parse(r#"{"loadBalancingPolicy": "ROUND_ROBIN"}"#).unwrap();
    assert_eq!(config.policy.unwrap().builder.name(), "round_robin");
}

#[test]
fn wrong_types_are_named_with_their_place() {
    let cases = [
        ("[]", "expected an object, found an empty list"),
        (
            r#"{"loadBalancingConfig": {"round_robin": {}}}"#,
            "loadBalancingConfig: expected a list of policies, found an object with one field",
        ),
        (
            r#"{"loadBalancingPolicy": 1}"#,
            "loadBalancingPolicy: expected a policy's name, found 1",
        ),
        (
            r#"{"methodConfig": {}}"#,
            "methodConfig: expected a list of method configs, found an object with 0 fields",
        ),
        (
            r#"{"methodConfig": [{}, {"timeout": 3}]}"#,
            "methodConfig[1].timeout: expected a duration such as \"1.5s\", found 3",
        ),
        (
            r#"{"methodConfig": [{"timeout": "-3s"}]}"#,
            "methodConfig[0].timeout: expected a duration such as \"1.5s\", found \"-3s\"",
        ),
        (
            r#"{"methodConfig": [{"waitForReady": "yes"}]}"#,
            "methodConfig[0].waitForReady: expected true or false, found \"yes\"",
        ),
        (
            r#"{"methodConfig": [{"maxRequestMessageBytes": -1}]}"#,
            "methodConfig[0].maxRequestMessageBytes: expected a whole number from 0, found -1",
        ),
        (
            r#"{"methodConfig": [{"name": [{"method": "Get"}]}]}"#,
            "methodConfig[0].name[0]: method \"Get\" without a service",
        ),
        (
            r#"{"methodConfig": [{"name": [{"service": 1}]}]}"#,
            "methodConfig[0].name[0].service: expected a string, found 1",
        ),
        (
            r#"{"methodConfig": [{"name": [{}]}, {"name": [{"service": ""}]}]}"#,
            "methodConfig[1].name[0]: there is a default already",
        ),
        (
            r#"{"methodConfig": [{"name": [{"service": "a"}, {"service": "a"}]}]}"#,
            "methodConfig[0].name[1]: service \"a\" has a config already",
        ),
        (
            r#"{"healthCheckConfig": {"serviceName": true}}"#,
            "healthCheckConfig.serviceName: expected a string, found true",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected);
    }
}
