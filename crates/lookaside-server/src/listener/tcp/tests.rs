use super::*;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn bind(addr: SocketAddr) -> io::Result<BoundPort> {
    BoundPort::bind(addr, &Connections::default())
}

#[tokio::test]
async fn a_bound_port_has_its_number_and_refuses_until_it_is_open() {
    let port = bind(LOOPBACK).unwrap();
    let addr = port.addr();
    assert_ne!(addr.port(), 0);
    let refused = TcpStream::connect(addr).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    let listener = port.open().unwrap();
    let stream = TcpStream::connect(addr).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    set_options(&accepted).unwrap();
    assert!(accepted.nodelay().unwrap());
    drop(stream);
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let first = bind(LOOPBACK).unwrap();
    let addr = first.addr();
    let _listener = first.open().unwrap();
    let error = bind(addr).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn of_two_that_took_a_port_one_gets_it_and_the_other_can_try_again() {
    let first = bind(LOOPBACK).unwrap();
    let second = bind(first.addr()).unwrap();
    let listener = first.open().unwrap();
    let error = second.open().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop((first, listener));
    second.open().unwrap();
}

#[tokio::test]
async fn two_that_want_to_share_a_port_do_and_one_serves_on_when_the_other_ends() {
    let shared = Connections {
        reuse_port: true,
        ..Connections::default()
    };
    let old = BoundPort::bind(LOOPBACK, &shared).unwrap();
    let new = BoundPort::bind(old.addr(), &shared).unwrap();
    let (addr, old_listener, new_listener) = (old.addr(), old.open().unwrap(), new.open().unwrap());
    drop((old, old_listener));
    for _ in 0..20 {
        let (stream, accepted) = tokio::join!(TcpStream::connect(addr), new_listener.accept());
        stream.unwrap();
        accepted.unwrap();
    }
    let error = bind(addr).unwrap_err();
    assert_eq!(
        error.kind(),
        io::ErrorKind::AddrInUse,
        "not with a stranger"
    );
}
