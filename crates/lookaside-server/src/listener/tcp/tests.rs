use super::*;

#[tokio::test]
async fn a_bound_port_has_its_number_and_refuses_until_it_is_open() {
    let port = BoundPort::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = port.addr();
    assert_ne!(addr.port(), 0);
    let refused = TcpStream::connect(addr).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    let listener = port.open().unwrap();
    let stream = TcpStream::connect(addr).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    tune(&accepted);
    assert!(accepted.nodelay().unwrap());
    drop(stream);
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let first = BoundPort::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = first.addr();
    let _listener = first.open().unwrap();
    let error = BoundPort::bind(addr).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn of_two_that_took_a_port_one_gets_it_and_the_other_can_try_again() {
    let first = BoundPort::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let second = BoundPort::bind(first.addr()).unwrap();
    let listener = first.open().unwrap();
    let error = second.open().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop((first, listener));
    second.open().unwrap();
}
