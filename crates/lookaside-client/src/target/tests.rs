use super::*;

fn parts(text: &str) -> [String; 4] {
    let target = Target::parse(text).unwrap();
    [
        target.scheme(),
        target.authority(),
        target.path(),
        target.endpoint(),
    ]
    .map(str::to_owned)
}

#[test]
fn a_uri_has_scheme_authority_and_endpoint() {
    let cases = [
        (
            "dns:///orders:443",
            ["dns", "", "/orders:443", "orders:443"],
        ),
        ("dns:orders", ["dns", "", "orders", "orders"]),
        (
            "dns://10.0.0.53:5353/orders",
            ["dns", "10.0.0.53:5353", "/orders", "orders"],
        ),
        ("DNS://server", ["dns", "server", "", ""]),
        ("unix:run/a.sock", ["unix", "", "run/a.sock", "run/a.sock"]),
        (
            "unix:///run/a.sock",
            ["unix", "", "/run/a.sock", "run/a.sock"],
        ),
        (
            "grpclb:///team/orders",
            ["grpclb", "", "/team/orders", "team/orders"],
        ),
        ("file:///a%20b%C3%A9", ["file", "", "/a bé", "a bé"]),
        (
            "my-own+v1.2://x/[::1]:1",
            ["my-own+v1.2", "x", "/[::1]:1", "[::1]:1"],
        ),
        ("x:", ["x", "", "", ""]),
    ];
    for (text, expected) in cases {
        assert_eq!(parts(text), expected, "{text}");
        assert_eq!(Target::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_host_and_its_port_are_no_uri() {
    for text in [
        "orders:443",
        "dns:53",
        "orders",
        "10.0.0.1:80",
        "[::1]:80",
        ":80",
        "1a:b",
        "a b:c",
    ] {
        assert_eq!(split(text), None, "{text}");
        assert!(Target::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let error = Target::parse("file:///%ff").unwrap_err();
    assert_eq!(error.to_string(), "\"/%ff\" is not percent-encoded UTF-8");
    let target = Target::parse("static://x/10.0.0.1:1").unwrap();
    assert_eq!(
        target.endpoint_alone("HOST:PORT").unwrap_err().to_string(),
        "the scheme takes no authority, but there is \"x\": expected static:///HOST:PORT"
    );
    let target = Target::parse("static:///").unwrap();
    assert_eq!(
        target.endpoint_alone("HOST:PORT").unwrap_err().to_string(),
        "there is no endpoint: expected static:///HOST:PORT"
    );
}
