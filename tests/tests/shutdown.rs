//! The end of a balancer, as its clients and its operator see it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lookaside_proto::lb::load_balance_response::LoadBalanceResponseType as Tell;
use lookaside_proto::v1::{Instance, RegisterRequest, registration_client::RegistrationClient};
use lookaside_tests::{
    Balancer,
    bench::frames::{kind, opening},
    eventually, http, inspect,
    poll::check,
    process::PATIENCE,
    wire::Stream,
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const SERVICE: &str = "orders";

/// Longer than any drain: a backend that expires in one is one more list.
const TTL: prost_types::Duration = prost_types::Duration {
    seconds: 600,
    nanos: 0,
};

async fn register(balancer: &Balancer, port: u16) -> Result<()> {
    let channel = inspect::connect(balancer.admin).await?;
    let instance = Instance {
        service: SERVICE.to_owned(),
        address: format!("10.0.0.1:{port}"),
        ..Instance::default()
    };
    let request = RegisterRequest {
        instance: Some(instance),
        ttl: Some(TTL),
        ..RegisterRequest::default()
    };
    RegistrationClient::new(channel).register(request).await?;
    Ok(())
}

/// The types of the frames that come until `last`.
async fn frames_until(socket: &mut TcpStream, last: u8) -> Result<Vec<u8>> {
    let mut kinds = Vec::new();
    while kinds.last() != Some(&last) {
        let mut header = [0; 9];
        timeout(PATIENCE, socket.read_exact(&mut header))
            .await
            .with_context(|| format!("after {kinds:?}"))??;
        let [a, b, c, kind, ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        socket.read_exact(&mut payload).await?;
        kinds.push(kind);
    }
    Ok(kinds)
}

#[tokio::test]
async fn a_drain_is_not_ready_then_closed_then_goaway_and_pushes_on_until_the_streams_end()
-> Result<()> {
    let mut balancer = Balancer::on("memory:").await;
    register(&balancer, 1).await?;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    assert_eq!(stream.list().await?.len(), 1);
    let mut raw = TcpStream::connect(balancer.addr).await?;
    raw.write_all(&opening(SERVICE)).await?;
    frames_until(&mut raw, kind::DATA).await?;

    let started = Instant::now();
    balancer.process.signal(Signal::TERM);
    frames_until(&mut raw, kind::GOAWAY).await?;
    // By then the port is closed and the balancer says that it is not ready.
    let refused = TcpStream::connect(balancer.addr).await.map(|_| ());
    assert!(
        refused.is_err(),
        "a client that was told to go could come back"
    );
    let (status, why) = http::get(balancer.admin, "/readyz").await?;
    assert_eq!(status, 503, "{why}");
    assert!(why.contains("shut down"), "{why}");

    register(&balancer, 2).await?;
    match stream.next().await {
        Ok(Some(Tell::ServerList(list))) => assert_eq!(list.servers.len(), 2, "still pushed to"),
        // Its wave may have been among the first.
        other => assert!(started.elapsed() > Duration::from_millis(90), "{other:?}"),
    }
    let ended = stream.next().await.expect_err("the stream ends");
    assert!(format!("{ended:#}").contains("shut down"), "{ended:#}");
    drop((raw, stream));
    let status = balancer.process.ended().await;
    assert!(status.success(), "{status}");
    assert!(
        started.elapsed() < Duration::from_secs(16),
        "{:?}",
        started.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_a_drain_at_once() -> Result<()> {
    for second in [Signal::TERM, Signal::INT] {
        let mut balancer = Balancer::on("memory:").await;
        register(&balancer, 1).await?;
        let mut stream = Stream::open(balancer.addr, SERVICE).await?;
        stream.list().await?;
        balancer.process.signal(Signal::TERM);
        eventually("it drains", PATIENCE, || async {
            let ready = http::get(balancer.admin, "/readyz").await;
            let ready = ready.map_err(|e| e.to_string())?;
            check(ready.1.contains("shut down"), ready.1)
        })
        .await;
        // Sooner, it would be the same wish: timeout(1) signals twice.
        tokio::time::sleep(Duration::from_millis(150)).await;
        let started = Instant::now();
        balancer.process.signal(second);
        let status = balancer.process.ended().await;
        assert_eq!(status.code(), Some(1), "{status}");
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
    }
    Ok(())
}
