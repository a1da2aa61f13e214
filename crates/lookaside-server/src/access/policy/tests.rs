use proptest::prelude::*;

use super::{
    super::{
        Peer,
        Permission::{self, Balance, Control, Inspect, Register},
    },
    *,
};

const ALL: [Permission; 4] = [Balance, Register, Inspect, Control];

fn rule(
    identity: Option<&str>,
    address: Option<&str>,
    services: &[&str],
    allow: &[Permission],
) -> Rule {
    let allow = allow.iter().copied().collect();
    Rule::new(identity, address, Some(services), allow).unwrap()
}

fn peer(access: &Access, address: &str, identity: Option<&str>) -> Peer {
    let identities: Vec<_> = identity
        .map(|name| Identity::Uri(name.into()))
        .into_iter()
        .collect();
    Peer::with_identities(&Arc::new(access.clone()), address.parse().ok(), identities)
}

#[test]
fn without_rules_everything_is_allowed_but_control_from_elsewhere() {
    let access = Access::default();
    let far = peer(&access, "10.0.0.1", None);
    for permission in [Balance, Register, Inspect] {
        assert!(far.may(permission, "orders") && far.may_some(permission));
    }
    assert!(!far.may(Control, "orders") && !far.may_some(Control));
    let certified = peer(&access, "10.0.0.1", Some("spiffe://a/admin"));
    assert!(!certified.may(Control, "orders"), "no rule allows it to");
}

#[test]
fn control_is_for_this_machine_however_its_address_is_written() {
    let access = Access::default();
    for local in ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"] {
        assert!(peer(&access, local, None).may(Control, "orders"), "{local}");
    }
    for far in ["10.0.0.1", "::ffff:10.0.0.1", "0.0.0.0", "fe80::1"] {
        assert!(!peer(&access, far, None).may(Control, "orders"), "{far}");
    }
    assert!(!peer(&access, "in memory", None).may(Control, "orders"));
    let wary = access.trust_loopback(false);
    assert!(!peer(&wary, "127.0.0.1", None).may(Control, "orders"));
}

#[test]
fn with_rules_what_none_allows_is_refused() {
    let access = Access::by_rules([
        rule(Some("spiffe://x/team-a/*"), None, &["orders*"], &[Balance]),
        rule(
            None,
            Some("10.0.0.0/8"),
            &["public/**"],
            &[Balance, Inspect],
        ),
        rule(Some("spiffe://x/ops"), None, &["**"], &[Control]),
    ]);
    let team = peer(&access, "192.168.0.1", Some("spiffe://x/team-a/web"));
    assert!(team.may(Balance, "orders-eu"));
    assert!(!team.may(Balance, "billing") && !team.may(Inspect, "orders-eu"));
    assert!(!team.may(Balance, "public/a"), "that is for 10.0.0.0/8");
    let range = peer(&access, "10.1.2.3", None);
    assert!(range.may(Inspect, "public/a/b") && range.may_some(Inspect));
    assert!(!range.may(Balance, "orders-eu") && !range.may(Register, "public/a"));
    assert!(!range.may_some(Register));
    let ops = peer(&access, "192.168.0.1", Some("spiffe://x/ops"));
    assert!(ops.may(Control, "billing") && !ops.may(Balance, "billing"));
    let nobody = peer(&access, "192.168.0.1", None);
    assert!(
        ALL.iter()
            .all(|it| !nobody.may(*it, "orders") && !nobody.may_some(*it))
    );
}

#[test]
fn an_operator_on_the_machine_sees_what_it_may_change() {
    let access = Access::by_rules([rule(None, Some("10.0.0.0/8"), &["**"], &[Balance])]);
    let local = peer(&access, "127.0.0.1", None);
    assert!(local.may(Inspect, "orders") && local.may(Control, "orders"));
    assert!(!local.may(Balance, "orders") && !local.may(Register, "orders"));
}

#[test]
fn no_rules_at_all_is_not_the_same_as_rules_that_allow_nothing() {
    let closed = Access::by_rules([]);
    assert!(!peer(&closed, "10.0.0.1", None).may(Balance, "orders"));
}

#[test]
fn a_refusal_names_the_peer_and_what_it_wanted() {
    let access = Access::by_rules([]);
    let status = peer(&access, "10.0.0.1", Some("spiffe://x/b"))
        .check(Balance, "orders")
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::PermissionDenied);
    assert_eq!(
        status.message(),
        "spiffe://x/b at 10.0.0.1 is not allowed to balance service orders"
    );
}

proptest! {
    #[test]
    fn what_is_allowed_is_what_some_rule_allows(
        rules in prop::collection::vec(
            (0usize..3, prop::sample::subsequence(ALL[..3].to_vec(), 1..=3), "[ab*]{1,3}"), 0..5),
        who in 0usize..3,
        service in "[ab]{1,4}",
    ) {
        let names = ["spiffe://x/0", "spiffe://x/1", "spiffe://x/2"];
        let built = rules.iter().filter(|(_, _, glob)| !glob.contains("***"));
        let built: Vec<_> = built.collect();
        let access = Access::by_rules(built.iter().map(|(who, allow, glob)| {
            rule(Some(names[*who]), None, &[glob.as_str()], allow)
        }));
        let peer = peer(&access, "10.0.0.1", Some(names[who]));
        for permission in ALL {
            let expected = built.iter().any(|(whom, allow, glob)| {
                *whom == who && allow.contains(&permission)
                    && super::super::glob::Glob::new(glob, b'/').matches(&service)
            });
            prop_assert_eq!(peer.may(permission, &service), expected);
        }
    }
}

#[test]
fn control_of_all_services_takes_a_rule_that_covers_whatever_may_come() {
    let of = |services: &[&str], permission| {
        let rules = [rule(Some("spiffe://x/ops"), None, services, &[permission])];
        let access = Access::by_rules(rules).trust_loopback(false);
        peer(&access, "10.0.0.1", Some("spiffe://x/ops"))
            .check_all(Control)
            .is_ok()
    };
    assert!(of(&["**"], Control) && of(&["orders", "**"], Control));
    for some in [&["*"][..], &["orders"], &["o**", "a**"]] {
        assert!(!of(some, Control), "{some:?}");
    }
    assert!(!of(&["**"], Inspect));
    let everything: Option<&[&str]> = None;
    let rule = Rule::new(
        Some("spiffe://x/ops"),
        None,
        everything,
        [Control].into_iter().collect(),
    );
    let access = Access::by_rules([rule.unwrap()]);
    let ops = peer(&access, "10.0.0.1", Some("spiffe://x/ops"));
    assert!(ops.check_all(Control).is_ok());
    assert!(peer(&access, "10.0.0.1", None).check_all(Control).is_err());
    assert!(peer(&access, "127.0.0.1", None).check_all(Control).is_ok());
}
