//! Load reports: the sum of them is what was called.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use lookaside_client::{Builder, Channel, Mode};
use lookaside_proto::lb::ClientStats;
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, BalancerStream, drop_entry, server},
    calls::{call, call_with, patient_call},
    net::Net,
    text,
};

fn builder(net: &Net) -> Builder {
    Channel::builder("orders")
        .balancers([text(100)])
        .connector(net.clone())
}

async fn reporting_stream(balancer: &mut Balancer) -> BalancerStream {
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.initial(Some(Duration::from_secs(1)));
    stream
}

/// Reports, added up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    started: i64,
    finished: i64,
    failed_to_send: i64,
    known_received: i64,
    drops: std::collections::BTreeMap<String, i64>,
}

impl Sum {
    fn add(&mut self, report: &ClientStats) {
        assert!(report.timestamp.is_some());
        self.started += report.num_calls_started;
        self.finished += report.num_calls_finished;
        self.failed_to_send += report.num_calls_finished_with_client_failed_to_send;
        self.known_received += report.num_calls_finished_known_received;
        for drop in &report.calls_finished_with_drop {
            *self
                .drops
                .entry(drop.load_balance_token.clone())
                .or_default() += drop.num_calls;
        }
    }

    /// Reads until a report says that nothing happened.
    async fn read(&mut self, stream: &mut BalancerStream) {
        loop {
            let report = stream.report().await.expect("the stream is open");
            self.add(&report);
            if report.num_calls_started == 0 && report.num_calls_finished == 0 {
                return;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_way_a_call_can_end_is_counted_once() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let mut stream = reporting_stream(&mut balancer).await;
    let serving = || std::iter::repeat_n(server(addr(1), "a"), 2);
    stream.list(serving());
    patient_call(&channel).await.unwrap();
    for _ in 0..9 {
        call(&channel).await.unwrap();
    }
    // An error of the backend's own is an answer.
    let fail = |request: &mut tonic::Request<lookaside_proto::demo::EchoRequest>| {
        request.get_mut().message = "fail".into();
    };
    call_with(&channel, fail).await.unwrap_err();
    // No answer: the deadline, and a caller that loses interest.
    *backend.handler.delay.lock().unwrap() = Duration::from_secs(3600);
    let limit = Duration::from_millis(100);
    call_with(&channel, |request| request.set_timeout(limit))
        .await
        .unwrap_err();
    let cancelled = tokio::time::timeout(limit, call(&channel)).await;
    assert!(cancelled.is_err());
    *backend.handler.delay.lock().unwrap() = Duration::ZERO;
    let mut sum = Sum::default();
    sum.read(&mut stream).await;
    let expected = Sum {
        started: 13,
        finished: 13,
        known_received: 11,
        ..Sum::default()
    };
    assert_eq!(sum, expected);

    // Drops, by token.
    stream.list(serving().chain([drop_entry("overload"), drop_entry("rate")]));
    support::eventually("drops", async || call(&channel).await.is_err()).await;
    for _ in 0..99 {
        let _ = call(&channel).await;
    }
    let mut sum = Sum::default();
    sum.read(&mut stream).await;
    assert_eq!(sum.started, sum.finished);
    assert_eq!(sum.failed_to_send, 0);
    let dropped: i64 = sum.drops.values().sum();
    assert_eq!(sum.known_received + dropped, sum.started);
    assert_eq!(sum.drops.len(), 2);
    assert!((sum.drops["overload"] - sum.drops["rate"]).abs() <= 1);
}

#[tokio::test(start_paused = true)]
async fn the_sum_over_many_streams_is_the_number_of_calls() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let mut stream = reporting_stream(&mut balancer).await;
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
    let mut calls = 1;
    let mut sum = Sum::default();
    for round in 0..5 {
        for _ in 0..100 {
            call(&channel).await.unwrap();
            calls += 1;
        }
        if round % 2 == 0 {
            sum.add(&stream.report().await.unwrap());
        }
        // The rest is the next stream's.
        call(&channel).await.unwrap();
        calls += 1;
        stream.fail(tonic::Status::unavailable("bye"));
        call(&channel).await.unwrap();
        calls += 1;
        stream = reporting_stream(&mut balancer).await;
        // The same list: calls must be counted for the new stream all the same.
        stream.list([server(addr(1), "a")]);
    }
    sum.read(&mut stream).await;
    let expected = Sum {
        started: calls,
        finished: calls,
        known_received: calls,
        ..Sum::default()
    };
    assert_eq!(sum, expected);
}

#[tokio::test(start_paused = true)]
async fn an_open_call_is_started_and_finished_only_at_its_end() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let backend = Backend::start(&net, addr(1));
    *backend.handler.delay.lock().unwrap() = Duration::from_millis(1500);
    let channel = builder(&net).build().unwrap();
    let mut stream = reporting_stream(&mut balancer).await;
    stream.list([server(addr(1), "a")]);
    let open = tokio::spawn(async move { patient_call(&channel).await.map(|_| channel) });
    let report = stream.report().await.unwrap();
    assert_eq!(
        (report.num_calls_started, report.num_calls_finished),
        (1, 0)
    );
    let report = stream.report().await.unwrap();
    assert_eq!(
        (report.num_calls_started, report.num_calls_finished),
        (0, 1)
    );
    open.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn idle_reports_are_sent_once() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let mut stream = reporting_stream(&mut balancer).await;
    stream.list([server(addr(1), "a")]);
    assert_eq!(stream.report().await.unwrap().num_calls_started, 0);
    let quiet = tokio::time::timeout(Duration::from_secs(60), stream.report()).await;
    assert!(quiet.is_err());
    call(&channel).await.unwrap();
    assert_eq!(stream.report().await.unwrap().num_calls_started, 1);
}

#[tokio::test(start_paused = true)]
async fn an_interval_below_the_least_is_raised_to_it() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _channel = builder(&net).build().unwrap();
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.initial(Some(Duration::from_millis(1)));
    let began = tokio::time::Instant::now();
    stream.report().await.unwrap();
    assert_eq!(began.elapsed().as_millis() / 100, 10);
}

#[tokio::test(start_paused = true)]
async fn calls_in_fallback_are_not_reported() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _fallback = Backend::start(&net, addr(50));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).fallback([text(50)]).build().unwrap();
    let mut stream = reporting_stream(&mut balancer).await;
    stream.fall_back();
    for _ in 0..10 {
        patient_call(&channel).await.unwrap();
    }
    stream.list([server(addr(1), "a")]);
    support::eventually("the list", async || channel.mode() == Mode::Balancer).await;
    call(&channel).await.unwrap();
    let mut sum = Sum::default();
    sum.read(&mut stream).await;
    if sum.started == 0 {
        sum.read(&mut stream).await;
    }
    assert_eq!((sum.started, sum.finished), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_found_a_connection_is_not_in_any_report() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let channel = builder(&net).build().unwrap();
    let mut stream = reporting_stream(&mut balancer).await;
    stream.list([server(addr(1), "a")]);
    support::eventually("it fails", async || call(&channel).await.is_err()).await;
    let report = stream.report().await.unwrap();
    assert_eq!(
        (report.num_calls_started, report.num_calls_finished),
        (0, 0)
    );
}
