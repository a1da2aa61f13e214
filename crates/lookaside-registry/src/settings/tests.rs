use super::*;

fn error(json: &str) -> String {
    parse_settings(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn both_keys_are_read_and_both_are_optional() {
    let json = br#"{"drops":[{"category":"overload","per_million":250000}],"fallback":true}"#;
    let settings = parse_settings(json).unwrap();
    assert!(settings.fallback);
    let [drop] = settings.drops.as_slice() else {
        panic!("{settings:?}");
    };
    assert_eq!((&*drop.category, drop.per_million), ("overload", 250_000));

    assert_eq!(parse_settings(b" {}\n").unwrap(), Settings::default());
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
    assert!(applied.problem.is_some());
}

#[test]
fn a_reason_that_quotes_a_huge_value_is_cut() {
    let json = format!("{{\"{}\":1}}", "é".repeat(20_000));
    let applied = apply_settings(None, "k", 1, parse_settings(json.as_bytes()));
    let reason = applied.problem.unwrap().reason;
    assert!(reason.len() <= MAX_REASON_BYTES && reason.ends_with('…'));
}
