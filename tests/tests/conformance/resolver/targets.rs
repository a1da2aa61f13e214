//! Targets of scheme `dns`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use lookaside_client::{Channel, ResolverRegistry};

use crate::support::{backend::Backend, calls::call, net::Net};

/// Calls a target of this machine: at which port it was connected to, and how its backend
/// was called.
async fn reached(target: &str) -> (u16, String) {
    let net = Net::default();
    let ports = [443, 456];
    let ips: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let sockets: Vec<_> = ports
        .into_iter()
        .flat_map(|port| ips.map(|ip| SocketAddr::new(ip, port)))
        .collect();
    let backends: Vec<_> = sockets.iter().map(|at| Backend::start(&net, *at)).collect();
    let channel = Channel::builder(target).connector(net.clone()).build();
    call(&channel.unwrap()).await.unwrap();
    let called = backends
        .iter()
        .find(|backend| backend.calls() == 1)
        .unwrap();
    let authority = called.handler.authorities.lock().unwrap()[0].clone();
    (called.at.port(), authority)
}

/// Why a target is refused.
async fn refusal(target: &str) -> String {
    let channel = Channel::builder(target).connector(Net::default()).build();
    channel.expect_err(target).to_string()
}

#[tokio::test]
async fn targets_of_scheme_dns_are_resolved_by_it_and_those_of_unknown_schemes_refused() {
    assert!(ResolverRegistry::new().names().any(|name| name == "dns"));
    assert_eq!(reached("dns:///localhost:443").await.0, 443);
    let text = refusal("notdns:///localhost:443").await;
    assert!(text.contains(r#"unknown scheme "notdns""#), "{text}");
    assert!(
        text.contains("dns, "),
        "it names those that there are: {text}"
    );
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    for target in [
        "dns:/%5Binvalid%5D",
        "dns:///[invalid]",
        "dns:///a b",
        "dns:///",
    ] {
        let text = refusal(target).await;
        assert!(text.contains(target), "{text}");
    }
}

#[tokio::test]
async fn an_ipv6_address_is_a_name_and_its_port_443() {
    for target in ["dns:/%5B::1%5D", "dns:///[::1]"] {
        assert_eq!(reached(target).await, (443, "[::1]".to_owned()), "{target}");
    }
}

#[tokio::test]
async fn the_port_of_a_name_without_one_is_443_and_its_authority_has_none() {
    for target in ["dns:/localhost", "dns:localhost", "dns:///localhost"] {
        let expected = (443, "localhost".to_owned());
        assert_eq!(reached(target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn the_port_of_a_name_is_its_own_and_in_its_authority() {
    for target in [
        "dns:/localhost:456",
        "dns:localhost:456",
        "dns:///localhost:456",
    ] {
        let expected = (456, "localhost:456".to_owned());
        assert_eq!(reached(target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn a_target_with_more_than_a_name_is_refused() {
    for target in ["dns:///localhost/extra", "dns:///localhost:443/extra/path"] {
        let text = refusal(target).await;
        assert!(text.contains(target), "{text}");
    }
}
