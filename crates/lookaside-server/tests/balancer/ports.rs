//! On real sockets.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use lookaside_registry::{Freshness, MemoryLimits, MemoryRegistry};
use lookaside_server::{Balancer, StartError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::timeout,
};

use crate::kit::{Fixture, TestRegistry, config};

/// The answer to a plain HTTP/1 request, head and body.
async fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_client_port_is_closed_and_the_admin_port_answers_until_the_registry_was_read() {
    let registry = Arc::new(TestRegistry::connecting());
    let fixture = Fixture::start(registry, |_| ());
    let (client, admin) = (
        fixture.balancer.client_addr(),
        fixture.balancer.admin_addr(),
    );
    assert!(get(admin, "/healthz").await.starts_with("HTTP/1.1 200"));
    let refused = TcpStream::connect(client).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    let mut readiness = fixture.balancer.readiness();
    fixture.registry.change(|state| {
        state.backends = Some(Arc::default());
        state.freshness = Freshness::Connecting {
            since: tokio::time::Instant::now(),
            error: Some("no route to it".into()),
        };
    });
    let says = |reason: &str| {
        let reason = reason.to_owned();
        move |it: &lookaside_server::Readiness| it.to_string().contains(&reason)
    };
    readiness.wait_for(says("no route to it")).await.unwrap();
    let answer = get(admin, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("no route to it"), "{answer}");
    TcpStream::connect(client).await.unwrap_err();

    let registry = &fixture.registry;
    registry.change(|state| state.settings = Some(Arc::default()));
    TcpStream::connect(client).await.unwrap_err();
    registry.change(|state| state.overrides = Some(Arc::default()));
    timeout(Duration::from_secs(10), fixture.balancer.ready())
        .await
        .unwrap();
    TcpStream::connect(client).await.unwrap();
    assert!(get(admin, "/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = get(admin, "/metrics").await;
    assert!(
        metrics.contains("application/openmetrics-text"),
        "{metrics}"
    );
    assert!(metrics.contains("\nlookaside_ready 1\n"), "{metrics}");
    assert!(metrics.trim_end().ends_with("# EOF"), "{metrics}");
    let missing = get(admin, "/nothing").await;
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");

    fixture.balancer.shutdown().await;
    let refused = TcpStream::connect(client).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn connections_over_the_limit_are_closed() {
    let fixture = Fixture::with(|config| config.limits.connections = 1).await;
    let addr = fixture.balancer.client_addr();
    let mut first = TcpStream::connect(addr).await.unwrap();
    let mut byte = [0];
    let settings = timeout(Duration::from_secs(10), async {
        first.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        first.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
        first.read(&mut byte).await
    });
    assert_eq!(settings.await.unwrap().unwrap(), 1, "served");
    let mut second = TcpStream::connect(addr).await.unwrap();
    let closed = timeout(Duration::from_secs(10), second.read(&mut byte));
    assert!(matches!(closed.await.unwrap(), Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_taken_port_and_a_registry_that_cannot_be_written_are_errors() {
    let fixture = Fixture::new().await;
    let start = |config| {
        let names = watch::channel(Arc::default()).1;
        Balancer::start(config, Arc::new(TestRegistry::empty()), names)
    };
    let mut taken = config();
    taken.listen = fixture.balancer.client_addr();
    let error = start(taken.clone()).unwrap_err();
    assert!(matches!(error, StartError::Listen { addr, .. } if addr == taken.listen));
    let mut read_only = config();
    read_only.registration = true;
    let error = start(read_only).unwrap_err().to_string();
    assert!(error.contains("test: is read only"), "{error}");
}

#[tokio::test]
async fn a_memory_registry_is_complete_at_once() {
    let registry = Arc::new(MemoryRegistry::new(MemoryLimits::default()));
    let names = watch::channel(Arc::default()).1;
    let balancer = Balancer::start(config(), registry, names).unwrap();
    timeout(Duration::from_secs(10), balancer.ready())
        .await
        .unwrap();
    let addr = balancer.client_addr();
    TcpStream::connect(addr).await.unwrap();
    drop(balancer);
    // Dropping it closes its ports.
    timeout(Duration::from_secs(10), async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
