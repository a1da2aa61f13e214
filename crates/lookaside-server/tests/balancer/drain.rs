use std::{fs, sync::Arc, time::Duration};

use lookaside_server::Tls;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};
use tonic::Code;

use crate::kit::{Fixture, MERGED, backend};

#[tokio::test(start_paused = true)]
async fn a_shutdown_keeps_pushing_and_ends_the_streams_one_by_one() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let mut streams = Vec::new();
    for _ in 0..100 {
        let client = fixture.connect().await;
        let mut stream = client.ask("orders").await;
        stream.first_ports().await;
        streams.push((client, stream));
    }
    sleep(MERGED).await;
    let balancer = Arc::clone(&fixture.balancer);
    let started = Instant::now();
    let shutdown = tokio::spawn(async move { balancer.shutdown().await });
    sleep(Duration::from_millis(50)).await;
    assert_eq!(
        fixture.balancer.readiness().borrow().to_string(),
        "the balancer is being shut down"
    );
    fixture.registry.set("orders", [backend(2)]);

    let mut ends = Vec::new();
    for (client, mut stream) in streams {
        ends.push(tokio::spawn(async move {
            assert_eq!(stream.ports().await, [2], "still pushed to");
            let (status, message) = stream.ended().await;
            assert_eq!(status, Code::Unavailable);
            assert!(message.contains("shut down"), "{message}");
            drop(client);
            started.elapsed()
        }));
    }
    let mut times = Vec::new();
    for end in ends {
        times.push(end.await.unwrap());
    }
    times.sort_unstable();
    let early = times.iter().filter(|it| it.as_secs() < 5).count();
    assert!(
        (25..=75).contains(&early),
        "evenly over ten seconds: {early}"
    );
    assert!(times[99] <= Duration::from_millis(10_100));
    shutdown.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn streams_that_come_or_wait_during_a_shutdown_are_refused_at_once() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let client = fixture.connect().await;
    let mut open = client.ask("orders").await;
    open.first_ports().await;
    let mut unknown = client.ask("unknown").await;
    let mut silent = client.open().await;
    let starting = Fixture::with(|config| config.lists.hold = Duration::from_secs(3)).await;
    let mut held = starting.stream("orders").await;
    sleep(Duration::from_millis(1)).await;
    let started = Instant::now();
    for balancer in [&fixture.balancer, &starting.balancer] {
        let balancer = Arc::clone(balancer);
        tokio::spawn(async move { balancer.shutdown().await });
    }
    for stream in [&mut silent, &mut unknown, &mut held] {
        assert_eq!(stream.refused().await.0, Code::Unavailable);
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_ends_at_once() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let mut stream = fixture.stream("orders").await;
    stream.first_ports().await;
    let started = Instant::now();
    let balancer = Arc::clone(&fixture.balancer);
    let first = tokio::spawn(async move { balancer.shutdown().await });
    sleep(Duration::from_millis(10)).await;
    fixture.balancer.shutdown().await;
    first.await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(20));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_not_finished_does_not_outlive_the_second_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    fs::write(&cert, certified.cert.pem()).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let fixture = Fixture::with(|config| {
        config.tls = Some(Tls {
            cert,
            key,
            client_ca: None,
            client_certificates: Default::default(),
        });
    })
    .await;
    let silent = TcpStream::connect(fixture.balancer.client_addr()).await;
    sleep(Duration::from_millis(10)).await;
    let started = Instant::now();
    let balancer = Arc::clone(&fixture.balancer);
    let first = tokio::spawn(async move { balancer.shutdown().await });
    sleep(Duration::from_millis(10)).await;
    assert!(!first.is_finished(), "it waits for its client");
    fixture.balancer.shutdown().await;
    first.await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(20));
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_without_clients_takes_no_time() {
    let fixture = Fixture::new().await;
    let started = Instant::now();
    fixture.balancer.shutdown().await;
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_let_go_is_closed_after_the_time_for_it() {
    let fixture = Fixture::new().await;
    let client = fixture.connect().await;
    // A call that is no list stream, and has no end.
    let mut watching = fixture.grpc().await;
    let mut health = crate::grpc::watch_health(&mut watching).await;
    let started = Instant::now();
    fixture.balancer.shutdown().await;
    assert_eq!(started.elapsed().as_secs(), 15);
    while let Ok(Some(_)) = health.message().await {}
    drop(client);
}
