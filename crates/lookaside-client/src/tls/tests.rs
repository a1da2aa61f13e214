use super::*;

#[test]
fn a_peer_needs_a_certificate_for_the_name_by_which_it_is_called() {
    let socket = Address::new(([10, 0, 0, 1], 443).into());
    let called = |authority: &str| {
        let authority = authority.parse().unwrap();
        host(&socket.clone().with_authority(authority))
    };
    assert_eq!(called("lb.example"), "lb.example");
    assert_eq!(called("orders.internal:443"), "orders.internal");
    assert_eq!(host(&socket), "10.0.0.1");
    assert_eq!(host(&Address::host("orders", 443)), "orders");
    assert_eq!(host(&Address::unix("/run/orders.sock")), "localhost");
}
