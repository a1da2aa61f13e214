use std::net::IpAddr;

use super::*;
use crate::access::Peer;

fn connection(ip: &str, port: u16) -> Connection {
    Connection::new(Peer::anyone(ip.parse::<IpAddr>().unwrap()), Some(port))
}

#[test]
fn a_peer_is_meant_by_address_by_port_or_by_range() {
    let peer = connection("::ffff:10.1.2.3", 5000);
    assert_eq!(address(&peer), "10.1.2.3:5000");
    for text in [
        "",
        "10.1.2.3",
        "10.1.2.3:5000",
        "[::ffff:10.1.2.3]:5000",
        "10.0.0.0/8",
        "0.0.0.0/0",
    ] {
        assert!(PeerFilter::parse(text).unwrap().matches(&peer), "{text}");
    }
    for text in ["10.1.2.4", "10.1.2.3:5001", "11.0.0.0/8", "::1"] {
        assert!(!PeerFilter::parse(text).unwrap().matches(&peer), "{text}");
    }
    assert_eq!(address(&connection("2001:db8::1", 1)), "[2001:db8::1]:1");
}

#[test]
fn what_is_no_peer_is_refused_with_what_was_expected() {
    for (text, part) in [
        ("web-1", "web-1"),
        ("10.0.0.0/33", "10.0.0.0/33"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3:99999", "10.1.2.3:99999"),
    ] {
        let status = PeerFilter::parse(text).unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(status.message().starts_with("peer: "), "{status}");
        assert!(status.message().contains(part), "{status}");
    }
}
