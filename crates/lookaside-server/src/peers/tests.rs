use super::*;

fn enter(peers: &Arc<Peers>, peer: &str) -> Option<PeerShare> {
    peers.enter(Some(peer.parse().unwrap()))
}

#[test]
fn a_peer_has_up_to_its_limit_and_what_it_gives_back_is_free_again() {
    let peers = Peers::new(2);
    let first = enter(&peers, "10.0.0.1").unwrap();
    let _second = enter(&peers, "10.0.0.1").unwrap();
    assert!(enter(&peers, "10.0.0.1").is_none());
    let _other = enter(&peers, "10.0.0.2").unwrap();
    drop(first);
    let _again = enter(&peers, "10.0.0.1").unwrap();
}

#[test]
fn an_address_is_the_same_however_it_is_written_and_an_ipv6_network_is_one_peer() {
    let peers = Peers::new(1);
    let _v4 = enter(&peers, "10.0.0.1").unwrap();
    assert!(enter(&peers, "::ffff:10.0.0.1").is_none());
    let _v6 = enter(&peers, "2001:db8::1").unwrap();
    assert!(enter(&peers, "2001:db8::2").is_none());
    let _next_network = enter(&peers, "2001:db8:0:1::1").unwrap();
}

#[test]
fn peers_that_are_gone_and_peers_without_a_limit_leave_nothing_behind() {
    let peers = Peers::new(1);
    drop(enter(&peers, "10.0.0.1"));
    drop(enter(&peers, "10.0.0.2"));
    assert!(peers.is_empty());
    let unlimited = Peers::new(0);
    let _one = enter(&unlimited, "10.0.0.1").unwrap();
    let _two = enter(&unlimited, "10.0.0.1").unwrap();
    assert!(unlimited.is_empty());
    assert!(peers.enter(None).is_some(), "no network, no limit");
}
