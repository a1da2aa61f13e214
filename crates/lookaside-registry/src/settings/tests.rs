use std::{num::NonZeroU32, time::Duration};

use lookaside_core::{Drop, Drops, HealthCheck, OnEmpty, Probe};
use proptest::{collection::btree_map, option, prelude::*};

use super::*;

fn error(json: &str) -> String {
    parse_settings(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn every_key_is_read_and_every_key_is_optional() {
    let json = br#"{"drops":[{"category":"overload","per_million":250000}],"fallback":true}"#;
    let settings = parse_settings(json).unwrap();
    assert!(settings.fallback);
    let [drop] = settings.drops.as_slice() else {
        panic!("{settings:?}");
    };
    assert_eq!((&*drop.category, drop.per_million), ("overload", 250_000));

    assert_eq!(parse_settings(b" {}\n").unwrap(), Settings::default());

    let settings = parse_settings(
        br#"{"on_empty":"hold","max_slots":64,"report_interval":"0s","hold_down":"1m 30s"}"#,
    )
    .unwrap();
    assert_eq!(settings.on_empty, Some(OnEmpty::Hold));
    assert_eq!(settings.max_slots, NonZeroU32::new(64));
    assert_eq!(settings.report_interval, Some(Duration::ZERO));
    assert_eq!(settings.hold_down, Some(Duration::from_secs(90)));
}

#[test]
fn a_health_check_is_a_type_and_what_differs_from_the_defaults() {
    let check = |json: &str| {
        let settings = parse_settings(format!(r#"{{"health":{json}}}"#).as_bytes());
        settings.unwrap().health.unwrap()
    };
    assert_eq!(check(r#"{"type":"tcp"}"#), HealthCheck::new(Probe::Tcp));
    let mut expected = HealthCheck::new(Probe::Grpc {
        service: "orders".into(),
        tls: true,
    });
    expected.interval = Duration::from_secs(2);
    expected.timeout = Duration::from_millis(500);
    expected.eject_after = NonZeroU32::new(1).unwrap();
    expected.return_after = NonZeroU32::new(7).unwrap();
    expected.dwell = Duration::ZERO;
    let json = r#"{"type":"grpc","service":"orders","tls":true,"interval":"2s",
        "timeout":"500ms","eject_after":1,"return_after":7,"dwell":"0s"}"#;
    assert_eq!(check(json), expected);
    let short = check(r#"{"type":"tcp","interval":"200ms"}"#);
    assert_eq!(short.timeout, Duration::from_millis(200), "never longer");
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_and_those_that_exist() {
    let message = error("{\"fallback\":false,\n \"drop\":[]}");
    for part in ["`drop`", "`drops`", "`fallback`", "line 2 column 7"] {
        assert!(message.contains(part), "{message}");
    }
    let message = error(r#"{"drops":[{"category":"a","per_milion":1}]}"#);
    for part in ["drops[0]", "`per_milion`", "`per_million`"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_bad_value_is_an_error_that_names_its_key_and_what_was_expected() {
    for (json, parts) in [
        (r#"{"fallback":"yes"}"#, ["fallback", "a boolean"]),
        (r#"{"drops":{}}"#, ["drops", "a sequence"]),
        (r#"{"drops":null}"#, ["drops", "a sequence"]),
        (
            r#"{"drops":[{"category":"a","per_million":1000001}]}"#,
            [
                "drops[0].per_million",
                "a whole number from 0 to 1000000 at line 1",
            ],
        ),
        (
            r#"{"drops":[{"category":"a","per_million":-1}]}"#,
            ["`-1`", "a whole number from 0 to 1000000"],
        ),
        (
            r#"{"drops":[{"category":"a","per_million":0.5}]}"#,
            ["`0.5`", "a whole number from 0 to 1000000"],
        ),
        (
            r#"{"drops":[{"category":"a"}]}"#,
            ["drops[0]", "`per_million`"],
        ),
        (
            r#"{"drops":[{"category":"a b","per_million":1}]}"#,
            ["drops: ", "\"a b\""],
        ),
        (
            r#"{"drops":[{"category":"a","per_million":600000},{"category":"b","per_million":600000}]}"#,
            ["drops: ", "1200000"],
        ),
        (r#"{"drops":[["a",1]]}"#, ["drops[0]", "an object"]),
        (r#"{"on_empty":"nothing"}"#, ["on_empty: ", "`hold`"]),
        (r#"{"max_slots":0}"#, ["max_slots: ", "from 1 to 32768"]),
        (r#"{"max_slots":null}"#, ["max_slots: ", "from 1 to 32768"]),
        (
            r#"{"report_interval":10}"#,
            ["report_interval: ", "\"0s\", or from \"100ms\" to \"1day\""],
        ),
        (r#"{"report_interval":"1ms"}"#, ["\"1ms\"", "\"100ms\""]),
        (r#"{"hold_down":"soon"}"#, ["hold_down: ", "\"soon\""]),
        (r#"{"hold_down":"2days"}"#, ["hold_down: ", "\"1day\""]),
        (r#"{"health":"tcp"}"#, ["health: ", "an object"]),
        (r#"{"health":{}}"#, ["health: ", "`type`"]),
        (r#"{"health":{"type":"http"}}"#, ["health.type: ", "`grpc`"]),
        (
            r#"{"health":{"type":"tcp","interval":"50ms"}}"#,
            ["health.interval: ", "from \"100ms\" to \"1h\""],
        ),
        (
            r#"{"health":{"type":"tcp","interval":"1s","timeout":"2s"}}"#,
            ["health: ", "timeout (2s) is longer than interval (1s)"],
        ),
        (
            r#"{"health":{"type":"tcp","timeout":"0s"}}"#,
            ["health.timeout: ", "from \"10ms\""],
        ),
        (
            r#"{"health":{"type":"tcp","interval":"1h","timeout":"11s"}}"#,
            ["health.timeout: ", "from \"10ms\" to \"10s\""],
        ),
        (
            r#"{"health":{"type":"tcp","eject_after":0}}"#,
            ["health.eject_after: ", "from 1 to 100"],
        ),
        (
            r#"{"health":{"type":"tcp","service":"a"}}"#,
            ["health: ", "service is for type \"grpc\""],
        ),
        (
            r#"{"health":{"type":"tcp","tls":false}}"#,
            ["health: ", "tls is for type \"grpc\""],
        ),
        (
            r#"{"health":{"type":"grpc","service":"a\nb"}}"#,
            ["health.service: ", "control characters"],
        ),
        (
            r#"{"health":{"type":"tcp","intervall":"1s"}}"#,
            ["`intervall`", "`interval`"],
        ),
        (
            r#"{"fallback":true,"fallback":false}"#,
            ["duplicate", "fallback"],
        ),
    ] {
        let message = error(json);
        for part in parts {
            assert!(message.contains(part), "{json}: {message}");
        }
    }
}

#[test]
fn what_is_no_json_object_is_refused() {
    for json in ["[]", "null", "true", "[[],true]"] {
        let message = error(json);
        assert!(message.contains("expected an object"), "{json}: {message}");
    }
    assert_eq!(error(" \n"), SettingsError::Empty.to_string());
    assert!(error("{").contains("EOF"));
    assert!(error("{} {}").contains("trailing characters"));
    assert!(parse_settings(b"{\"drops\":[{\"category\":\"\xff\"}]}").is_err());
}

#[test]
fn an_object_over_the_limit_is_refused_unread() {
    let fits = format!("{{}}{}", " ".repeat(MAX_SETTINGS_BYTES - 2));
    assert!(parse_settings(fits.as_bytes()).is_ok());
    let error = parse_settings(format!("{fits} ").as_bytes()).unwrap_err();
    assert_eq!(error, SettingsError::TooLong(MAX_SETTINGS_BYTES + 1));
}

#[test]
fn a_broken_object_leaves_the_last_good_one_in_force_and_says_why() {
    let good = parse_settings(br#"{"fallback":true}"#);
    let first = apply_settings(None, "config/orders", 5, good);
    assert!(first.settings.fallback && first.problem.is_none());

    let broken = apply_settings(Some(&first), "config/orders", 6, parse_settings(b"{"));
    assert_eq!(broken.settings, first.settings);
    let problem = broken.problem.clone().unwrap();
    assert_eq!((&*problem.key, problem.revision), ("config/orders", 6));
    assert!(problem.reason.contains("EOF"), "{}", problem.reason);

    let still = apply_settings(Some(&broken), "config/orders", 7, parse_settings(b""));
    assert_eq!(still.settings, first.settings);

    let mended = apply_settings(Some(&still), "config/orders", 8, parse_settings(b"{}"));
    assert_eq!(mended, ServiceSettings::default());
}

#[test]
fn a_broken_first_object_leaves_the_defaults_in_force() {
    let applied = apply_settings(None, "config/orders", 1, parse_settings(b"{"));
    assert_eq!(applied.settings, Settings::default());
    let said = |applied: &ServiceSettings| {
        let problem = applied.problem.clone().unwrap();
        problem.reason.starts_with("the defaults are in force: ")
    };
    assert!(said(&applied));
    let again = apply_settings(Some(&applied), "config/orders", 2, parse_settings(b"["));
    assert!(said(&again), "one that is no better changes nothing");

    let good = apply_settings(
        None,
        "config/orders",
        3,
        parse_settings(br#"{"fallback":true}"#),
    );
    let kept = apply_settings(Some(&good), "config/orders", 4, parse_settings(b"{"));
    assert!(!said(&kept));
}

#[test]
fn a_reason_that_quotes_a_huge_value_is_cut() {
    let json = format!("{{\"{}\":1}}", "é".repeat(20_000));
    let applied = apply_settings(None, "k", 1, parse_settings(json.as_bytes()));
    let reason = applied.problem.unwrap().reason;
    assert!(reason.len() <= MAX_REASON_BYTES && reason.ends_with('…'));
}

fn millis(range: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn drops() -> impl Strategy<Value = Drops> {
    btree_map("[!-~]{1,40}", 1u32..=250_000, 0..4).prop_map(|drops| {
        let drops = drops.into_iter().map(|(category, per_million)| Drop {
            category: category.into(),
            per_million,
        });
        Drops::new(drops).unwrap()
    })
}

fn health() -> impl Strategy<Value = HealthCheck> {
    let probe = prop_oneof![
        Just(Probe::Tcp),
        ("[^\\p{Cc}]{0,20}", any::<bool>()).prop_map(|(service, tls)| Probe::Grpc {
            service: service.into(),
            tls
        }),
    ];
    let times =
        (100u64..=3_600_000).prop_flat_map(|interval| (Just(interval), 10..=interval.min(10_000)));
    let counts = (1u32..=100, 1u32..=100);
    (probe, times, counts, millis(0..=3_600_000)).prop_map(
        |(probe, (interval, timeout), (eject, back), dwell)| {
            let mut check = HealthCheck::new(probe);
            check.interval = Duration::from_millis(interval);
            check.timeout = Duration::from_millis(timeout);
            check.eject_after = NonZeroU32::new(eject).unwrap();
            check.return_after = NonZeroU32::new(back).unwrap();
            check.dwell = dwell;
            check
        },
    )
}

proptest! {
    #[test]
    fn settings_are_written_so_that_they_read_the_same(
        (drops, fallback) in (drops(), any::<bool>()),
        on_empty in option::of(prop_oneof![
            Just(OnEmpty::Fallback), Just(OnEmpty::Drop), Just(OnEmpty::Hold)
        ]),
        max_slots in option::of(1u32..=32_768),
        report_interval in option::of(prop_oneof![
            Just(Duration::ZERO), millis(100..=86_400_000)
        ]),
        hold_down in option::of(millis(0..=86_400_000)),
        health in option::of(health()),
    ) {
        let mut settings = Settings::default();
        settings.drops = drops;
        settings.fallback = fallback;
        settings.on_empty = on_empty;
        settings.max_slots = max_slots.and_then(NonZeroU32::new);
        settings.report_interval = report_interval;
        settings.hold_down = hold_down;
        settings.health = health;
        let json = settings_json(&settings);
        prop_assert_eq!(parse_settings(json.as_bytes()), Ok(settings));
    }

    #[test]
    fn nothing_that_is_read_breaks_the_reader(json in any::<Vec<u8>>()) {
        let _ = parse_settings(&json);
    }
}
