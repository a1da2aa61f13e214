//! A change in the registry as a trace, seen by a collector of our own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collector;

use std::{collections::BTreeMap, process::Command};

use collector::{Collector, Span};
use lookaside_tests::{
    Process, balancer::listening, eventually, poll::check, process::PATIENCE, wire::Stream,
};

/// A balancer over a file, that sends its traces there; gives its client port, too.
async fn serve(registry: &str, endpoint: &str) -> (Process, std::net::SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(["--registry", registry, "--otlp-endpoint", endpoint])
        // Otherwise every 5 s.
        .env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut process = Process::spawn("balancer", &mut command);
    let (clients, _) = process.line("listening", listening).await;
    (process, clients)
}

fn backends(weight: u32) -> String {
    format!(
        "[[services]]\nname = \"orders\"\n\
         [[services.backends]]\nid = \"a\"\naddress = \"127.0.0.1:9\"\nweight = 1\n\
         [[services.backends]]\nid = \"b\"\naddress = \"127.0.0.1:8\"\nweight = {weight}\n"
    )
}

/// By name, where the trace is that of a change that got to `streams` streams.
fn way_to(streams: &str, spans: &[Span]) -> Option<BTreeMap<String, Span>> {
    let change = spans
        .iter()
        .find(|span| span.name == "change" && span.value("streams") == Some(streams.into()))?;
    let same = |span: &&Span| span.trace_id == change.trace_id;
    let trace = spans.iter().filter(same);
    Some(
        trace
            .map(|span| (span.name.clone(), span.clone()))
            .collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_a_trace_from_the_registry_to_its_last_stream() {
    let collector = Collector::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("backends.toml");
    std::fs::write(&file, backends(1)).unwrap();
    let registry = format!("file:{}", file.display());
    let (mut balancer, clients) = serve(&registry, &collector.endpoint()).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = Stream::open(clients, "orders").await.unwrap();
        stream.list().await.unwrap();
        streams.push(stream);
    }
    std::fs::write(&file, backends(3)).unwrap();
    for stream in &mut streams {
        let new = stream.list_where(|list| list.len() == 4);
        new.await.unwrap();
    }
    let names = ["change", "encode", "plan", "send"];
    let trace = eventually("the trace of the change", PATIENCE, async || {
        let trace = way_to("3", &collector.spans()).unwrap_or_default();
        check(trace.keys().eq(names), trace)
    })
    .await;
    let change = &trace["change"];
    assert_eq!(change.value("service").as_deref(), Some("orders"));
    assert!(change.value("revision").is_some(), "{change:?}");
    assert!(change.parent_span_id.is_empty());
    for name in &names[1..] {
        assert_eq!(trace[*name].parent_span_id, change.span_id, "{name}");
    }
    assert!(change.value("version").is_some(), "{change:?}");
    drop(streams);
    assert!(balancer.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_delays_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("backends.toml");
    std::fs::write(&file, backends(1)).unwrap();
    // Of a port that was given back.
    let gone = Collector::start().await.endpoint();
    let (mut balancer, clients) = serve(&format!("file:{}", file.display()), &gone).await;
    let mut stream = Stream::open(clients, "orders").await.unwrap();
    assert_eq!(stream.list().await.unwrap().len(), 2);
    drop(stream);
    assert!(balancer.terminate().await.success());
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    for wrong in ["", "127.0.0.1:4317", "https://collector:4317", "http://"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
        let output = command.args(["serve", "--otlp-endpoint", wrong]).output();
        let output = output.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {error}");
        assert!(error.contains("--otlp-endpoint"), "{wrong}: {error}");
        assert!(error.contains("http://HOST:PORT"), "{wrong}: {error}");
    }
}
