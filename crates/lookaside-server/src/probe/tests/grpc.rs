use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tonic_health::ServingStatus;

use super::fixture::{Backend, ask, grpc};
use crate::probe::{ProbeError, Stage, error::text};

#[tokio::test]
async fn a_backend_that_serves_is_well() {
    let all = [
        ("", ServingStatus::NotServing),
        ("orders", ServingStatus::Serving),
    ];
    let backend = Backend::grpc(&all).await;
    assert_eq!(backend.probe(&grpc("orders")).await, Ok(()));
    let error = backend.probe(&grpc("")).await.unwrap_err();
    assert_eq!(error, ProbeError::Status("NOT_SERVING".into()));
    assert_eq!(error.to_string(), "it says NOT_SERVING");
}

#[tokio::test]
async fn every_other_answer_is_a_failure_with_a_reason() {
    let backend = Backend::grpc(&[("odd", ServingStatus::Unknown)]).await;
    for (service, reason) in [
        ("odd", "it says UNKNOWN"),
        (
            "who",
            "its health service does not know \"who\" (NOT_FOUND)",
        ),
    ] {
        let error = backend.probe(&grpc(service)).await.unwrap_err();
        assert_eq!(error.to_string(), reason);
        assert!(!error.is_local());
    }
}

#[tokio::test]
async fn a_backend_without_a_health_service_cannot_pass_its_check() {
    let backend = Backend::grpc(&[]).await;
    let error = backend.probe(&grpc("")).await.unwrap_err();
    assert_eq!(error, ProbeError::NoHealthService);
}

/// A backend that writes `bytes` and then waits to be left alone, or hangs up.
async fn writing(bytes: &'static [u8], hang_up: bool) -> Backend {
    Backend::raw(move |mut stream: TcpStream| async move {
        let _ = stream.write_all(bytes).await;
        if hang_up {
            // With something unread its end would be a reset that overtakes the bytes.
            let _ = stream.shutdown().await;
        }
        while stream.read(&mut [0; 1024]).await.is_ok_and(|n| n > 0) {}
    })
    .await
}

#[tokio::test]
async fn a_port_that_stays_silent_is_not_well() {
    let backend = writing(b"", false).await;
    let timeout = Duration::from_millis(200);
    let error = ask(backend.addr, &grpc(""), timeout).await.unwrap_err();
    let expected = ProbeError::Timeout {
        stage: Stage::Answer,
        after: timeout,
    };
    assert_eq!(error, expected);
    assert_eq!(error.to_string(), "no answer within 200ms");
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_not_well() {
    let backend = writing(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    let error = backend.probe(&grpc("")).await.unwrap_err();
    assert_eq!(error.kind(), "protocol", "{error}");
    let backend = writing(b"", true).await;
    let error = backend.probe(&grpc("")).await.unwrap_err();
    assert_eq!(error.kind(), "closed", "{error}");
}

/// SETTINGS, then response headers and data as given, on the call's stream.
fn answer(headers: &[u8], data: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    let mut frame = |kind: u8, flags: u8, payload: &[u8]| {
        let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
        bytes.extend([len[1], len[2], len[3], kind, flags, 0, 0, 0, 1]);
        bytes.extend(payload);
    };
    match data {
        None => frame(1, 0x5, headers),
        Some(data) => {
            frame(1, 0x4, headers);
            frame(0, 0x1, data);
        }
    }
    bytes
}

#[tokio::test]
async fn http_without_grpc_is_not_well() {
    // HPACK: `:status 404`; `:status 200`; that and `content-type: application/grpc`.
    let grpc_headers = [&[0x88, 0x0f, 0x10, 16][..], b"application/grpc"].concat();
    let long = vec![0; 2000];
    for (bytes, reason) in [
        (answer(&[0x8d], None), "no gRPC: HTTP status 404"),
        (answer(&[0x88], None), "no gRPC: content type none"),
        (
            answer(&grpc_headers, Some(&[0, 0, 0, 0, 2, 8, 1])),
            "no gRPC: an answer without grpc-status",
        ),
        (
            answer(&grpc_headers, Some(&long)),
            "no gRPC: an answer that is too long",
        ),
    ] {
        let bytes = Box::leak(bytes.into_boxed_slice());
        let backend = writing(bytes, false).await;
        let error = backend.probe(&grpc("")).await.unwrap_err();
        assert_eq!(error.to_string(), reason);
    }
}

#[tokio::test]
async fn a_probe_that_is_given_up_leaves_its_connection_at_once() {
    let (ended, mut ends) = watch::channel(false);
    let backend = Backend::raw(move |mut stream| {
        let ended = ended.clone();
        async move {
            while stream.read(&mut [0; 1024]).await.is_ok_and(|n| n > 0) {}
            ended.send_replace(true);
        }
    })
    .await;
    let probe = grpc("");
    let asking = tokio::time::timeout(Duration::from_millis(100), backend.probe(&probe));
    assert!(asking.await.is_err());
    let seen = tokio::time::timeout(Duration::from_secs(10), ends.wait_for(|ended| *ended));
    assert!(seen.await.is_ok());
}

#[test]
fn a_peers_words_are_one_short_line() {
    assert_eq!(&*text("a\r\nb\u{1b}[31m"), "a  b [31m");
    assert_eq!(text("é".repeat(500)).chars().count(), 200);
}
