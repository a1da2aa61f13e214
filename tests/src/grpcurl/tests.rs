use super::{Command, What, words};

#[test]
fn a_line_is_taken_apart_as_a_shell_does() {
    let line = r#"grpcurl -d '{"a": "b c"}' "x y"z ''  # why"#;
    let found = words(line).unwrap();
    assert_eq!(found, ["grpcurl", "-d", r#"{"a": "b c"}"#, "x yz", ""]);
    assert!(words("grpcurl 'x").is_err());
}

#[test]
fn a_command_is_read_with_its_data_its_address_and_what_it_does() {
    let parsed = |rest: &str| Command::parse(&format!("grpcurl -plaintext {rest}"));
    let at = "127.0.0.1:7400";
    for (line, what) in [
        (format!("{at} list"), What::List(None)),
        (format!("{at} list a.B"), What::List(Some("a.B".into()))),
        (
            format!("{at} describe .a.B"),
            What::Describe(Some(".a.B".into())),
        ),
        (
            format!("-d='{{}}' {at} a.B/C"),
            What::Call {
                method: "a.B/C".into(),
                data: "{}".into(),
            },
        ),
        (
            format!("-d '{{\"n\": 1}}' {at} a.B.C"),
            What::Call {
                method: "a.B.C".into(),
                data: "{\"n\": 1}".into(),
            },
        ),
    ] {
        let command = parsed(&line).unwrap();
        assert_eq!(command.what, what, "{line}");
        assert_eq!(command.address.to_string(), at);
    }
    for wrong in [
        "",
        "nowhere list",
        "-x 127.0.0.1:1 list",
        "127.0.0.1:1",
        "127.0.0.1:1 a/b c",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
    assert!(Command::parse("grpcurl 127.0.0.1:1 list").is_err(), "TLS");
}
