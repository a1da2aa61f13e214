use super::*;

fn choose(list: &str) -> Result<Option<String>, String> {
    let client = ChoiceOf {
        hostname: Some("shop-7".into()),
        percentile: 40,
    };
    let texts = ["v=spf1 -all".to_owned(), format!("grpc_config={list}")];
    let chosen = client.choose(&texts)?;
    Ok(chosen.map(|config| config.to_string()))
}

fn config(n: u8) -> String {
    format!("{{\"n\":{n}}}")
}

#[test]
fn the_first_choice_that_holds_for_the_client_counts() {
    let cases = [
        (
            r#"[{"serviceConfig":{"n":1}},{"serviceConfig":{"n":2}}]"#,
            Some(1),
        ),
        (
            r#"[{"clientLanguage":["GO","java"],"serviceConfig":{"n":1}},{"serviceConfig":{"n":2}}]"#,
            Some(2),
        ),
        (
            r#"[{"clientLanguage":["go","Rust"],"serviceConfig":{"n":1}}]"#,
            Some(1),
        ),
        (
            r#"[{"clientHostname":["shop-1","shop-7"],"serviceConfig":{"n":1}}]"#,
            Some(1),
        ),
        (
            r#"[{"clientHostname":["shop-1"],"serviceConfig":{"n":1}}]"#,
            None,
        ),
        (
            r#"[{"clientHostname":[],"clientLanguage":[],"serviceConfig":{"n":1}}]"#,
            Some(1),
        ),
        (
            r#"[{"percentage":39,"serviceConfig":{"n":1}},{"percentage":40,"serviceConfig":{"n":2}}]"#,
            Some(2),
        ),
        (r#"[{"percentage":0,"serviceConfig":{"n":1}}]"#, None),
        (
            r#"[{"percentage":100,"clientLanguage":["go"],"serviceConfig":{"n":1}}]"#,
            None,
        ),
        ("[]", None),
    ];
    for (list, expected) in cases {
        assert_eq!(choose(list), Ok(expected.map(config)), "{list}");
    }
}

#[test]
fn what_is_no_list_of_choices_is_an_error_that_says_where() {
    let cases = [
        (
            "{}",
            "grpc_config=... invalid type: map, expected a sequence at line 1 column 0",
        ),
        (
            r#"[{"percentage":101}]"#,
            "grpc_config=... \"percentage\" is not 0 to 100",
        ),
        (
            r#"[{"clientLanguage":"rust"}]"#,
            "grpc_config=... \"clientLanguage\" is no list of texts",
        ),
        (
            r#"[{"clientHostname":[7]}]"#,
            "grpc_config=... \"clientHostname\" is no list of texts",
        ),
        (
            r#"[{"serviceConfig":7}]"#,
            "grpc_config=... \"serviceConfig\" is no object",
        ),
        ("[{}]", "grpc_config=... \"serviceConfig\" is no object"),
    ];
    for (list, expected) in cases {
        assert_eq!(choose(list).unwrap_err(), expected, "{list}");
    }
}

#[test]
fn other_texts_are_none() {
    let client = ChoiceOf::this_client();
    assert_eq!(client.choose(&["grpc_configs=[".to_owned()]), Ok(None));
    assert_eq!(client.choose(&[]), Ok(None));
}
