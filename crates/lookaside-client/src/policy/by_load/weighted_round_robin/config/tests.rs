use std::time::Duration;

use super::*;

fn parse(json: &str) -> Result<WeightedRoundRobin, String> {
    let parsed = WeightedRoundRobin::new().configured(json);
    parsed.map_err(|error| error.to_string())
}

#[test]
fn every_field_is_read_and_none_is_needed() {
    assert_eq!(parse("{}"), Ok(WeightedRoundRobin::new()));
    let json = r#"{
        "enableOobLoadReport": true,
        "oobReportingPeriod": "1s",
        "blackoutPeriod": "2s",
        "weightExpirationPeriod": "3s",
        "weightUpdatePeriod": "0.01s",
        "errorUtilizationPenalty": 0.5,
        "metricNamesForComputingUtilization": ["named_metrics.queue"]
    }"#;
    let expected = WeightedRoundRobin::new()
        .enable_oob_load_report(true)
        .oob_reporting_period(Duration::from_secs(1))
        .blackout_period(Duration::from_secs(2))
        .weight_expiration_period(Duration::from_secs(3))
        .weight_update_period(Duration::from_millis(100))
        .error_utilization_penalty(0.5)
        .metric_names_for_computing_utilization(["named_metrics.queue"]);
    assert_eq!(parse(json), Ok(expected));
}

#[test]
fn what_makes_no_sense_is_named() {
    let bad = [
        (
            r#"{"errorUtilizationPenalty": -1}"#,
            "errorUtilizationPenalty: ",
        ),
        (r#"{"blackoutPeriod": 10}"#, "blackoutPeriod: "),
        (r#"{"enableOobLoadReport": "yes"}"#, "enableOobLoadReport: "),
        (
            r#"{"metricNamesForComputingUtilization": [1]}"#,
            "metricNamesForComputingUtilization[0]: ",
        ),
    ];
    for (json, beginning) in bad {
        let error = parse(json).unwrap_err();
        assert!(error.starts_with(beginning), "{error}");
    }
}
