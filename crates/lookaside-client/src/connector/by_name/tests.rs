use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::*;

/// Port 1 of a loopback address of its own, where nobody listens.
fn nobody(n: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, n), 1))
}

#[tokio::test]
async fn an_address_that_refuses_is_passed_over() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let there = listener.local_addr().unwrap();
    let stream = first_of(vec![nobody(2), there]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), there);
}

#[tokio::test]
async fn when_all_refuse_the_last_error_names_its_address() {
    let error = first_of(vec![nobody(2), nobody(3)]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.to_string().starts_with("127.0.0.3:1: "), "{error}");
}

#[tokio::test]
async fn a_name_without_addresses_is_an_error() {
    let error = first_of(Vec::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "the name has no addresses");
}
