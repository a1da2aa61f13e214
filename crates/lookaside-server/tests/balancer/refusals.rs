use std::time::Duration;

use bytes::Bytes;
use lookaside_proto::lb::{ClientStats, load_balance_request::LoadBalanceRequestType as Ask};
use lookaside_server::Unknown;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use crate::kit::{Fixture, MERGED, backend, framed};

#[tokio::test(start_paused = true)]
async fn a_first_message_that_asks_for_nothing_is_refused_before_any_answer() {
    let fixture = Fixture::new().await;
    let client = fixture.connect().await;
    for (first, code, says) in [
        (framed(&[]), Code::InvalidArgument, "first message is empty"),
        (
            framed(&[0xff]),
            Code::InvalidArgument,
            "no LoadBalanceRequest",
        ),
        (
            Bytes::from_static(b"hello"),
            Code::InvalidArgument,
            "flag byte 104",
        ),
        (
            Bytes::from_static(&[1, 0, 0, 0, 0]),
            Code::Unimplemented,
            "compressed",
        ),
        (
            Bytes::from_static(&[0, 0, 1, 0, 1]),
            Code::ResourceExhausted,
            "65537 bytes",
        ),
    ] {
        let mut stream = client.open().await;
        stream.send_raw(first);
        let (status, message) = stream.refused().await;
        assert_eq!(status, code, "{message}");
        assert!(message.contains(says), "{message}");
    }
    let mut stream = client.open().await;
    stream.send(Ask::ClientStats(ClientStats::default()));
    let (status, message) = stream.refused().await;
    assert_eq!(status, Code::InvalidArgument);
    assert!(message.contains("load report"), "{message}");

    let mut stream = client.open().await;
    stream.half_close();
    let (status, message) = stream.refused().await;
    assert_eq!(status, Code::InvalidArgument);
    assert!(message.contains("without an initial request"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_cannot_be_is_refused() {
    let fixture = Fixture::new().await;
    let client = fixture.connect().await;
    for (name, says) in [
        ("", "empty"),
        ("a b", "white space"),
        ("a//b", "slash"),
        (&*"x".repeat(256), "256 bytes, at most 255"),
    ] {
        let (status, message) = client.ask(name).await.refused().await;
        assert_eq!(status, Code::InvalidArgument);
        assert!(message.contains(says), "{message}");
    }
    let longest = client.ask(&"x".repeat(255)).await.refused().await;
    assert_eq!(longest.0, Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_peer_says_nothing_is_closed() {
    let fixture = Fixture::new().await;
    let (_silent, theirs) = tokio::io::duplex(1024);
    let started = Instant::now();
    let served = fixture.balancer.serve_connection(theirs, None);
    timeout(Duration::from_secs(60), served).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_is_told_to_go_in_time() {
    let fixture = Fixture::with(|config| config.connections.keepalive = Duration::ZERO).await;
    fixture.registry.set("orders", [backend(1)]);
    let client = fixture.connect().await;
    let mut stream = client.ask("orders").await;
    stream.first_ports().await;
    sleep(Duration::from_secs(2 * 3600)).await;
    fixture.registry.set("orders", [backend(2)]);
    assert_eq!(stream.ports().await, [2], "a stream is a request");
    drop(stream);
    let started = Instant::now();
    client.closed().await;
    let waited = started.elapsed().as_secs();
    assert!((1800..=1801).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_refused_after_its_deadline() {
    let fixture = Fixture::new().await;
    let started = Instant::now();
    let (status, _) = fixture.connect().await.open().await.refused().await;
    assert_eq!(status, Code::DeadlineExceeded);
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_service_is_refused_after_two_seconds() {
    let fixture = Fixture::new().await;
    let started = Instant::now();
    let (status, message) = fixture.stream("orders:443").await.refused().await;
    assert_eq!(status, Code::NotFound);
    assert!(message.contains("orders is known"), "{message}");
    assert_eq!(started.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_appears_is_answered_at_once_under_any_of_its_names() {
    let fixture = Fixture::new().await;
    let started = Instant::now();
    let mut streams = Vec::new();
    for name in ["orders", "orders.", "orders:443", "orders.:443"] {
        streams.push(fixture.stream(name).await);
    }
    sleep(Duration::from_secs(1)).await;
    fixture.registry.set("users", [backend(1)]);
    fixture.registry.set("orders", [backend(1)]);
    for stream in &mut streams {
        assert_eq!(stream.first_ports().await, [1]);
    }
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_service_falls_back_if_asked_for_until_it_appears() {
    let fixture = Fixture::with(|config| config.lists.unknown = Unknown::Fallback).await;
    let mut stream = fixture.stream("orders:443").await;
    stream.initial().await;
    stream.fallback().await;
    sleep(Duration::from_secs(3600)).await;
    // Known now, but to its clients nothing has changed.
    fixture.registry.set("orders", []);
    sleep(MERGED).await;
    fixture.registry.set("orders", [backend(1)]);
    assert_eq!(stream.ports().await, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_came_first_gets_its_service_under_whichever_name_that_has() {
    let fixture = Fixture::with(|config| config.lists.unknown = Unknown::Fallback).await;
    let mut first = fixture.stream("orders:443").await;
    first.initial().await;
    first.fallback().await;
    // Under the bare name there is an entry now, for the first one's sake.
    let mut second = fixture.stream("orders:443").await;
    second.initial().await;
    second.fallback().await;
    fixture.registry.set("orders:443", [backend(1)]);
    assert_eq!(first.ports().await, [1]);
    assert_eq!(second.ports().await, [1]);
    sleep(MERGED).await;
    fixture.registry.set("orders:443", [backend(2)]);
    assert_eq!(first.ports().await, [2]);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_keys_is_known_as_long_as_it_is_remembered() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    sleep(Duration::from_secs(1)).await;
    fixture.registry.remove("orders");
    sleep(Duration::from_secs(9 * 60)).await;
    let mut stream = fixture.stream("orders").await;
    stream.initial().await;
    stream.fallback().await;
    drop(stream);
    sleep(Duration::from_secs(11 * 60)).await;
    let (status, _) = fixture.stream("orders").await.refused().await;
    assert_eq!(status, Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn no_stream_is_answered_while_a_new_registry_fills() {
    let fixture = Fixture::with(|config| config.lists.hold = Duration::from_secs(3)).await;
    let started = Instant::now();
    fixture.registry.set("orders", [backend(1)]);
    let mut known = fixture.stream("orders").await;
    let mut unknown = fixture.stream("users").await;
    sleep(Duration::from_secs(1)).await;
    fixture.registry.set("orders", [backend(1), backend(2)]);
    assert_eq!(known.first_ports().await, [1, 2]);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    assert_eq!(unknown.refused().await.0, Code::NotFound);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn limits_refuse_before_any_answer() {
    let fixture = Fixture::with(|config| config.limits.streams = 2).await;
    fixture.registry.set("orders", [backend(1)]);
    let mut first = fixture.stream("orders").await;
    let mut second = fixture.stream("orders").await;
    first.first_ports().await;
    second.first_ports().await;
    let (status, message) = fixture.stream("orders").await.refused().await;
    assert_eq!(status, Code::ResourceExhausted);
    assert!(message.contains("2 streams"), "{message}");
    drop(first);
    // The server learns of the reset.
    loop {
        let mut stream = fixture.stream("orders").await;
        if stream.is_answered().await {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reopens_without_delay_is_refused_and_later_served() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let client = fixture.connect().await;
    for _ in 0..3 {
        client.ask("orders").await.first_ports().await;
    }
    let (status, message) = client.ask("orders").await.refused().await;
    assert_eq!(status, Code::ResourceExhausted);
    assert!(message.contains("3 streams for orders"), "{message}");
    // The limit is the connection's.
    fixture.stream("orders").await.first_ports().await;
    sleep(Duration::from_secs(1)).await;
    client.ask("orders").await.first_ports().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_a_bounded_number_of_requests_beside_its_streams() {
    let fixture = Fixture::new().await;
    let mut grpc = fixture.grpc().await;
    let mut watches = Vec::new();
    for _ in 0..28 {
        watches.push(crate::grpc::watch_health(&mut grpc).await);
    }
    let mut inspect = crate::kit::Inspect::new(grpc);
    let refused = inspect.get("orders").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    watches.pop();
    timeout(Duration::from_secs(10), async {
        while inspect.get("orders").await.unwrap_err().code() != Code::NotFound {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
}
