use std::sync::Arc;

use tonic::Code;

use super::*;
use crate::access::{Access, Identity, Rule};

/// An operator who may control these services.
fn operator(services: &[&str]) -> Peer {
    let name = "spiffe://x/ops";
    let allow = [Control].into_iter().collect();
    let rule = Rule::new(Some(name), None, Some(services), allow).unwrap();
    let access = Arc::new(Access::by_rules([rule]));
    let identity = Identity::Uri(name.into());
    Peer::with_identities(&access, "10.0.0.1".parse().ok(), vec![identity])
}

#[test]
fn a_cordon_takes_the_permission_for_all_services_and_names_none() {
    let whole = operator(&["**"]);
    for name in ["", "**"] {
        assert_eq!(service_for(&whole, name, true).unwrap(), ServiceName::all());
    }
    let refusal = service_for(&whole, "orders", true).unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidArgument);
    for services in [&["orders"][..], &["*"], &["o**"]] {
        let refusal = service_for(&operator(services), "", true).unwrap_err();
        assert_eq!(refusal.code(), Code::PermissionDenied, "{services:?}");
    }
    assert!(service_for(&operator(&["orders"]), "orders", false).is_ok());
    let refusal = service_for(&operator(&["orders"]), "billing", false).unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
}

#[test]
fn what_ends_a_cordon_names_its_place_and_nothing_else_does() {
    let cordon = |kind, place: &str| target(kind, "", place).map(|it| it.to_string());
    assert_eq!(
        cordon(Kind::CordonHost, "[::1]").unwrap(),
        "cordon of host ::1"
    );
    assert_eq!(
        cordon(Kind::CordonZone, "a b").unwrap(),
        "cordon of zone a b"
    );
    for refused in [
        target(Kind::CordonHost, "a", "10.0.0.1"),
        target(Kind::CordonHost, "", ""),
        target(Kind::CordonZone, "", ""),
        target(Kind::Drain, "a", "10.0.0.1"),
        target(Kind::Drops, "", "z"),
        target(Kind::Unspecified, "", ""),
    ] {
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    }
}
