use std::time::Duration;

use lookaside_core::OutlierSettings;

use super::*;

fn parse(json: &str) -> Result<OutlierDetection, String> {
    let parsed = OutlierDetection::default().configured(json, &PolicyRegistry::new());
    parsed.map_err(|error| error.to_string())
}

#[test]
fn every_field_is_read_and_none_is_needed() {
    let read = parse("{}").unwrap();
    assert_eq!(read.settings, OutlierSettings::default());
    assert_eq!(read.child.builder.name(), "round_robin");
    let json = r#"{
        "interval": "1s",
        "baseEjectionTime": "2s",
        "maxEjectionTime": "3s",
        "maxEjectionPercent": 4,
        "successRateEjection": {
            "stdevFactor": 5, "enforcementPercentage": 6, "minimumHosts": 7, "requestVolume": 8
        },
        "failurePercentageEjection": {"threshold": 9},
        "childPolicy": [{"newer": {}}, {"pick_first": {"shuffleAddressList": true}}]
    }"#;
    let read = parse(json).unwrap();
    let expected = OutlierSettings {
        interval: Duration::from_secs(1),
        base_ejection_time: Duration::from_secs(2),
        max_ejection_time: Duration::from_secs(3),
        max_ejection_percent: 4,
        success_rate: Some(SuccessRateEjection {
            stdev_factor: 5,
            enforcement_percentage: 6,
            minimum_hosts: 7,
            request_volume: 8,
        }),
        failure_percentage: Some(FailurePercentageEjection {
            threshold: 9,
            ..FailurePercentageEjection::default()
        }),
    };
    assert_eq!(read.settings, expected);
    assert_eq!(read.child.builder.name(), "pick_first");
    let child = read.child.config.unwrap();
    let shuffled = crate::PickFirst::new().shuffle_address_list(true);
    assert_eq!(child.get(), Some(&shuffled));
}

#[test]
fn what_makes_no_sense_is_named() {
    let bad = [
        (
            r#"{"maxEjectionPercent": 101}"#,
            "maxEjectionPercent is 101 per cent: expected 0 to 100",
        ),
        (r#"{"interval": "0s"}"#, "interval is 0 s: expected more"),
        (
            r#"{"failurePercentageEjection": {"threshold": "x"}}"#,
            r#"failurePercentageEjection.threshold: expected a whole number from 0, found "x""#,
        ),
    ];
    for (json, error) in bad {
        assert_eq!(parse(json).unwrap_err(), error);
    }
    let error = parse(r#"{"childPolicy": [{"newer": {}}]}"#).unwrap_err();
    assert!(
        error.starts_with("childPolicy: none of its policies is known"),
        "{error}"
    );
}
