use super::{
    super::Permission::{Balance, Control},
    *,
};

fn rule(identity: Option<&str>, address: Option<&str>) -> Result<Rule, RuleError> {
    Rule::new::<&str>(identity, address, None, [Balance].into_iter().collect())
}

fn uri(name: &str) -> [Identity; 1] {
    [Identity::Uri(name.into())]
}

#[test]
fn identities_are_told_apart_by_their_form() {
    let rule = |text| rule(Some(text), None).unwrap();
    let team = rule("spiffe://example.org/team-a/*");
    assert!(team.is_for(None, &uri("spiffe://example.org/team-a/checkout")));
    assert!(!team.is_for(None, &uri("spiffe://example.org/team-a/checkout/x")));
    assert!(!team.is_for(None, &uri("spiffe://example.org/team-b/checkout")));
    let host = rule("*.Example.org");
    assert!(host.is_for(None, &[Identity::Dns("web.example.org".into())]));
    assert!(
        !host.is_for(None, &uri("web.example.org")),
        "a URI is no host name"
    );
    let address = rule("10.0.0.7");
    assert!(address.is_for(None, &[Identity::Ip([10, 0, 0, 7].into())]));
    assert!(
        !address.is_for(Some([10, 0, 0, 7].into()), &[]),
        "where it comes from is no certificate"
    );
    assert_eq!(
        rule("2001:db8::7").certified_address(),
        Some("2001:db8::7".parse().unwrap())
    );
    assert!(rule("urn:team:*").is_for(None, &uri("urn:team:a")));
}

#[test]
fn where_identity_and_address_are_given_both_must_hold() {
    let rule = rule(Some("spiffe://a/b"), Some("10.0.0.0/8")).unwrap();
    let inside = Some([10, 1, 2, 3].into());
    assert!(rule.is_for(inside, &uri("spiffe://a/b")));
    assert!(!rule.is_for(inside, &[]));
    assert!(!rule.is_for(Some([11, 1, 2, 3].into()), &uri("spiffe://a/b")));
    assert!(!rule.is_for(None, &uri("spiffe://a/b")));
}

#[test]
fn an_address_alone_is_a_range_of_one() {
    let rule = rule(None, Some("10.0.0.7")).unwrap();
    assert!(rule.is_for(Some([10, 0, 0, 7].into()), &[]));
    assert!(!rule.is_for(Some([10, 0, 0, 8].into()), &[]));
}

#[test]
fn an_ipv4_mapped_address_or_range_is_the_ipv4_one() {
    let inside = Some([10, 0, 0, 7].into());
    for text in ["::ffff:10.0.0.7", "::ffff:10.0.0.0/104", "::ffff:0:0/96"] {
        let rule = rule(None, Some(text)).unwrap();
        assert!(rule.is_for(inside, &[]), "{text}");
        let other: IpAddr = "2001:db8::7".parse().unwrap();
        assert!(!rule.is_for(Some(other), &[]), "{text}");
    }
    for (text, address) in [
        ("::ffff:10.0.0.7", [10, 0, 0, 8]),
        ("::ffff:10.0.0.0/104", [11, 0, 0, 7]),
        ("::/0", [10, 0, 0, 7]),
    ] {
        let rule = rule(None, Some(text)).unwrap();
        assert!(!rule.is_for(Some(address.into()), &[]), "{text}");
    }
    assert_eq!(
        rule(None, Some("::ffff:10.1.0.0/104"))
            .unwrap_err()
            .to_string(),
        "address \"::ffff:10.1.0.0/104\" has bits beyond its prefix: 10.0.0.0/8 or 10.1.0.0?"
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_its_reason() {
    let said = |rule: Result<Rule, RuleError>| rule.unwrap_err().to_string();
    assert!(said(rule(None, None)).contains("identity, address or both"));
    assert_eq!(
        said(rule(None, Some("10.1.0.0/8"))),
        "address \"10.1.0.0/8\" has bits beyond its prefix: 10.0.0.0/8 or 10.1.0.0?"
    );
    assert!(said(rule(None, Some("ten"))).contains("\"ten\""));
    assert!(said(rule(Some("a b"), None)).contains("white space"));
    assert!(said(rule(Some("a***"), None)).contains("stars"));
    let allow = [Control].into_iter().collect();
    let by_address = Rule::new::<&str>(None, Some("10.0.0.0/8"), None, allow);
    assert_eq!(by_address.unwrap_err(), RuleError::ControlByAddress);
    let nothing = Rule::new::<&str>(Some("a"), None, None, Permissions::default());
    assert_eq!(nothing.unwrap_err(), RuleError::Nothing);
    let none = Rule::new::<&str>(Some("a"), None, Some(&[]), allow);
    assert_eq!(none.unwrap_err(), RuleError::NoService);
}
