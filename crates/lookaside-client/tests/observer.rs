//! What an observer is told of a channel's life.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use lookaside_client::{Channel, Event, LoadReport, Mode, Observer};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, drop_entry, server},
    calls::{call, patient_call},
    eventually,
    net::Net,
    resolver::{Scripted, balancers, found},
    text,
};
use tonic::Status;

/// The names of the events, with what matters of them.
#[derive(Default)]
struct Log {
    events: Mutex<Vec<String>>,
    reported: Mutex<(i64, i64, i64)>,
}

impl Observer for Log {
    fn observe(&self, event: &Event<'_>) {
        let text = match event {
            Event::Picked { address } => format!("picked {address}"),
            Event::Queued => "queued".to_owned(),
            Event::PickFailed { error } => format!("failed: {error}"),
            Event::Dropped { error } => format!("dropped: {error}"),
            Event::State { from, to } => format!("{from} to {to}"),
            Event::Mode { from, to } => format!("{from} to {to}"),
            Event::Fallback { reason } => format!("fallback: {reason}"),
            Event::Subchannel { address, state } => format!("{address} {}", state.connectivity),
            Event::Health { address, state } => format!("{address} {:?}", state.health),
            Event::Resolved {
                addresses,
                balancers,
            } => format!("resolved {addresses:?} {balancers:?}"),
            Event::StreamOpened => "stream".to_owned(),
            Event::StreamEnded { why, .. } => format!("stream ended: {why}"),
            Event::List(list) => format!("{list:?}"),
            Event::Report(report) => return self.add(report),
            other => panic!("{other:?}"),
        };
        self.events.lock().unwrap().push(text);
    }
}

impl Log {
    fn add(&self, report: &LoadReport) {
        let mut sum = self.reported.lock().unwrap();
        sum.0 += report.started;
        sum.1 += report.finished;
        sum.2 += report.dropped;
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_all_that_happens_in_its_order() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let log = Arc::new(Log::default());
    let channel = Channel::builder("orders")
        .balancers([text(100)])
        .fallback([text(1)])
        .connector(net.clone())
        .observer(Arc::clone(&log) as Arc<dyn Observer>)
        .build()
        .unwrap();
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.initial(Some(Duration::from_secs(1)));
    stream.list([server(addr(1), "a"), drop_entry("overload")]);
    patient_call(&channel).await.unwrap();
    let dropped = call(&channel).await.unwrap_err();
    assert_eq!(
        log.take(),
        [
            "resolved Ok(1) Ok(1)",
            "queued",
            "stream",
            "ListSummary { entries: 2, backends: 1, drops: 1, problems: 0, changed: true }",
            "connecting to balancer",
            "10.0.0.1:1 CONNECTING",
            "10.0.0.1:1 READY",
            "CONNECTING to READY",
            "picked 10.0.0.1:1",
            &format!("dropped: {}", dropped.message()),
        ]
    );

    // Not before the stream has taken it.
    eventually("a report is told of", async || {
        *log.reported.lock().unwrap() == (2, 2, 1)
    })
    .await;

    stream.list([server(addr(1), "a"), drop_entry("overload")]);
    let same = "ListSummary { entries: 2, backends: 1, drops: 1, problems: 0, changed: false }";
    eventually("the same list is told of as such", async || {
        log.take().iter().any(|event| event == same)
    })
    .await;

    stream.fall_back();
    channel.wait_for_mode_change(Mode::Balancer).await;
    eventually("fallback works", async || call(&channel).await.is_ok()).await;
    let events = log.take();
    assert_eq!(events[0], "fallback: the balancer said so");
    assert!(
        events.contains(&"balancer to fallback".to_owned()),
        "{events:?}"
    );

    stream.fail(Status::unavailable("bye"));
    eventually("the stream's end is told of", async || {
        let ended = "stream ended: Unavailable: bye".to_owned();
        log.take().contains(&ended)
    })
    .await;
}

#[cfg(feature = "prometheus")]
#[tokio::test(start_paused = true)]
async fn the_ready_observer_counts_in_a_registry_of_the_users() {
    use lookaside_client::PrometheusObserver;
    use prometheus_client::{encoding::text::encode, registry::Registry};

    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let mut registry = Registry::default();
    let channel = Channel::builder("orders")
        .balancers([text(100)])
        .fallback([text(1)])
        .connector(net.clone())
        .observer(PrometheusObserver::register(&mut registry, "orders"))
        .build()
        .unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "a"), drop_entry("overload")]);
    patient_call(&channel).await.unwrap();
    call(&channel).await.unwrap_err();
    stream.fall_back();
    channel.wait_for_mode_change(Mode::Balancer).await;

    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        r#"lookaside_client_picks_total{target="orders"} 1"#,
        r#"lookaside_client_drops_total{target="orders"} 1"#,
        r#"lookaside_client_fallbacks_total{target="orders"} 1"#,
        r#"lookaside_client_mode{target="orders",mode="fallback"} 1"#,
        r#"lookaside_client_mode{target="orders",mode="balancer"} 0"#,
        r#"lookaside_client_connects_total{target="orders",outcome="ready"} 1"#,
        r#"lookaside_client_list_entries{target="orders",kind="drop"} 1"#,
    ] {
        assert!(text.lines().any(|it| it == line), "{line} not in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_report_of_a_stream_that_the_client_ends_is_told_as_well() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let (log, resolver) = (Arc::new(Log::default()), Scripted::default());
    let channel = Channel::builder("orders")
        .resolver_with_balancers(resolver.clone())
        .connector(net.clone())
        .observer(log.clone())
        .build()
        .unwrap();
    reported(&mut balancer, &resolver, &channel).await;
    // Long before the next report.
    resolver.say(found(&[]));
    let told = async |calls| *log.reported.lock().unwrap() == (calls, calls, 0);
    eventually("the first", async || told(1).await).await;
    reported(&mut balancer, &resolver, &channel).await;
    drop(channel);
    eventually("the second", async || told(2).await).await;
}

/// One call, over a new stream, of which its balancer has been told.
async fn reported(balancer: &mut Balancer, resolver: &Scripted, channel: &Channel) {
    resolver.say(found(&[]).with_balancers(balancers(&[100])));
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.initial(Some(Duration::from_secs(600)));
    stream.list([server(addr(1), "a")]);
    patient_call(channel).await.unwrap();
    assert_eq!(stream.report().await.unwrap().num_calls_started, 1);
}
