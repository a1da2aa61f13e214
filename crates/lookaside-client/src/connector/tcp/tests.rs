use std::net::Ipv4Addr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// What is written at one end arrives at the other.
async fn assert_connected(mut near: Transport, mut far: impl AsyncReadExt + Unpin) {
    near.write_all(b"x").await.unwrap();
    near.flush().await.unwrap();
    assert_eq!(far.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn a_socket_address_is_connected_to() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = Address::new(listener.local_addr().unwrap());
    let near = TcpConnector.connect(&address).await.unwrap();
    assert_connected(near, listener.accept().await.unwrap().0).await;
}

#[cfg(feature = "dns")]
#[tokio::test]
async fn a_name_is_looked_up_when_it_is_connected_to() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Where it also stands for ::1, nobody listens there.
    let near = TcpConnector.connect(&Address::host("localhost", port));
    let near = near.await.unwrap();
    assert_connected(near, listener.accept().await.unwrap().0).await;
}

#[cfg(not(feature = "dns"))]
#[tokio::test]
async fn a_name_needs_dns() {
    let error = TcpConnector.connect(&Address::host("localhost", 1)).await;
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "host names need feature \"dns\" of lookaside-client");
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_connected_to_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backend.sock");
    let address = Address::unix(&path);
    let missing = TcpConnector.connect(&address).await.unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let near = TcpConnector.connect(&address).await.unwrap();
    assert_connected(near, listener.accept().await.unwrap().0).await;
}
