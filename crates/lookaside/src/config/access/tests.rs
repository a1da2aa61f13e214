use crate::config::schema::Config;

fn read(text: &str) -> Result<Config, String> {
    let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
    config.check()?;
    Ok(config)
}

const MUTUAL: &str = "[tls]\ncert = \"c\"\nkey = \"k\"\nclient_ca = \"ca\"\n";

#[test]
fn rules_are_read_as_they_are_documented() {
    let config = read(&format!(
        r#"{MUTUAL}
        [[access.rules]]
        identity = "spiffe://example.org/team-a/*"
        services = ["orders*", "billing/**"]
        allow = ["balance", "register"]
        [[access.rules]]
        address = "10.0.0.0/8"
        allow = ["inspect"]
        "#
    ))
    .unwrap();
    assert!(config.access.policy().has_rules());
    assert!(config.access.policy().needs_certificates());
}

#[test]
fn no_rules_is_open_and_an_empty_list_is_closed() {
    assert!(!read("").unwrap().access.policy().has_rules());
    assert!(
        read("access.rules = []")
            .unwrap()
            .access
            .policy()
            .has_rules()
    );
}

#[test]
fn a_bad_rule_is_refused_with_its_line_and_its_reason() {
    for (rule, expected) in [
        (
            "address = \"10.0.0.1/8\"\nallow = [\"balance\"]",
            "10.0.0.0/8 or 10.0.0.1?",
        ),
        (
            "address = \"10.0.0.0/8\"\nallow = [\"balence\"]",
            "expected balance, register",
        ),
        ("address = \"10.0.0.0/8\"", "allow is empty"),
        ("allow = [\"balance\"]", "identity, address or both"),
        (
            "address = \"::1\"\nservice = \"a\"",
            "unknown field `service`",
        ),
        (
            "address = \"::1\"\nallow = [\"control\"]",
            "control needs an identity",
        ),
    ] {
        let error = read(&format!("[[access.rules]]\n{rule}")).unwrap_err();
        assert!(
            error.contains(expected) && error.contains("line"),
            "{error}"
        );
    }
}

#[test]
fn an_identity_without_client_certificates_is_refused() {
    let rule = "[[access.rules]]\nidentity = \"a.example.org\"\nallow = [\"balance\"]";
    assert!(read(rule).unwrap_err().contains("tls.client_ca"));
    read(&format!("{MUTUAL}{rule}")).unwrap();
}

#[test]
fn half_of_tls_is_refused() {
    assert!(read("tls.cert = \"c\"").unwrap_err().contains("tls.key"));
    assert!(
        read("tls.client_ca = \"c\"")
            .unwrap_err()
            .contains("tls.cert")
    );
    assert!(
        read("tls.client_certificates = \"maybe\"")
            .unwrap_err()
            .contains("request")
    );
}
