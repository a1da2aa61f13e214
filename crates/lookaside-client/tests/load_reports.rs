//! Backends that report their load on a stream of its own (ORCA, A51).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{net::SocketAddr, pin::Pin, time::Duration};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_client::{Channel, ConnectivityState, WeightedRoundRobin};
use lookaside_proto::{
    demo::echo_server::EchoServer,
    xds::{
        data::orca::v3::OrcaLoadReport,
        service::orca::v3::{
            OrcaLoadReportRequest,
            open_rca_service_server::{OpenRcaService, OpenRcaServiceServer},
        },
    },
};
use support::{
    addr,
    backend::{Backend, Handler},
    calls::{backends, patient_call},
    net::Net,
    text,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};
use tonic::{Request, Response, Status, body::Body, codegen::tokio_stream::Stream};
use tower_service::Service;

/// An echo server whose streams of reports the test writes by hand.
struct Reporter {
    streams: mpsc::UnboundedReceiver<ReportStream>,
    handler: Handler,
    connections: tokio::task::JoinHandle<()>,
}

/// One stream, as the backend sees it. Dropped, it ends.
struct ReportStream {
    period: Option<Duration>,
    authority: Option<String>,
    reports: mpsc::UnboundedSender<Result<OrcaLoadReport, Status>>,
}

impl ReportStream {
    fn weighs(&self, weight: f64) {
        let _ = self.reports.send(Ok(OrcaLoadReport {
            rps_fractional: weight,
            application_utilization: 1.0,
            ..OrcaLoadReport::default()
        }));
    }
}

struct Reports(mpsc::UnboundedReceiver<Result<OrcaLoadReport, Status>>);

impl Stream for Reports {
    type Item = Result<OrcaLoadReport, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

#[derive(Clone)]
struct Orca(mpsc::UnboundedSender<ReportStream>, Option<String>);

#[tonic::async_trait]
impl OpenRcaService for Orca {
    type StreamCoreMetricsStream = Reports;

    async fn stream_core_metrics(
        &self,
        request: Request<OrcaLoadReportRequest>,
    ) -> Result<Response<Reports>, Status> {
        let (reports, receiver) = mpsc::unbounded_channel();
        let period = request.into_inner().report_interval;
        let stream = ReportStream {
            period: period.map(|period| period.try_into().unwrap()),
            authority: self.1.clone(),
            reports,
        };
        self.0
            .send(stream)
            .map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(Reports(receiver)))
    }
}

impl Reporter {
    fn start(net: &Net, at: SocketAddr) -> Self {
        let mut incoming = net.listen(at);
        let (sender, streams) = mpsc::unbounded_channel();
        let handler = Handler::new(at);
        let served = handler.clone();
        let connections = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(io) = incoming.recv().await {
                let (sender, served) = (sender.clone(), served.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request: http::Request<_>| {
                        let authority = request.uri().authority().map(ToString::to_string);
                        let orca = Orca(sender.clone(), authority);
                        let mut orca = OpenRcaServiceServer::new(orca);
                        let mut echo = EchoServer::new(served.clone());
                        async move {
                            let request = request.map(Body::new);
                            match request.uri().path().starts_with("/xds.") {
                                true => orca.call(request).await,
                                false => echo.call(request).await,
                            }
                        }
                    });
                    let _ = http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(io), service)
                        .await;
                });
            }
        });
        Self {
            streams,
            handler,
            connections,
        }
    }

    async fn stream(&mut self) -> ReportStream {
        let stream = timeout(Duration::from_secs(60), self.streams.recv()).await;
        stream.expect("no stream within 60 s").unwrap()
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.connections.abort();
    }
}

fn channel(net: &Net, ns: impl IntoIterator<Item = u8>) -> Channel {
    let policy = WeightedRoundRobin::new()
        .enable_oob_load_report(true)
        .oob_reporting_period(Duration::from_secs(7))
        .blackout_period(Duration::ZERO);
    Channel::builder("orders")
        .addresses(ns.into_iter().map(text))
        .child_policy(policy)
        .connector(net.clone())
        .build()
        .unwrap()
}

/// How many of 400 calls go to the first backend.
async fn to_the_first(channel: &Channel) -> usize {
    let answered = backends(channel, 400).await;
    answered.iter().filter(|name| *name == "10.0.0.1").count()
}

#[tokio::test(start_paused = true)]
async fn every_connection_is_asked_for_reports_and_they_spread_the_calls() {
    let net = Net::default();
    let mut reporters = [1, 2].map(|n| Reporter::start(&net, addr(n)));
    let channel = channel(&net, [1, 2]);
    let [first, second] = &mut reporters;
    let (first, second) = (first.stream().await, second.stream().await);
    assert_eq!(first.period, Some(Duration::from_secs(7)));
    assert_eq!(first.authority.as_deref(), Some("orders"));
    first.weighs(100.0);
    second.weighs(300.0);
    sleep(Duration::from_secs(2)).await;
    let calls = to_the_first(&channel).await;
    assert!(calls.abs_diff(100) <= 2, "{calls}");
    // Only what is newest counts.
    first.weighs(300.0);
    sleep(Duration::from_secs(2)).await;
    assert!(to_the_first(&channel).await.abs_diff(200) <= 1);
    assert!(
        reporters[0]
            .handler
            .calls
            .load(std::sync::atomic::Ordering::SeqCst)
            > 0
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_is_opened_again_with_back_off() {
    let net = Net::default();
    let mut reporter = Reporter::start(&net, addr(1));
    let _channel = channel(&net, [1]);
    let began = tokio::time::Instant::now();
    for _ in 0..4 {
        drop(reporter.stream().await);
    }
    // 1, 1.6 and 2.56 s, each within 20 %.
    let waited = began.elapsed().as_secs_f64();
    assert!((4.1..6.3).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_reports_is_asked_once_and_gets_its_turns() {
    let net = Net::default();
    let mut reporter = Reporter::start(&net, addr(1));
    let silent = Backend::start(&net, addr(2));
    let channel = channel(&net, [1, 2]);
    let stream = reporter.stream().await;
    patient_call(&channel).await.unwrap();
    sleep(Duration::from_secs(300)).await;
    stream.weighs(100.0);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(to_the_first(&channel).await, 200);
    // All that ever came were echoes and one question; what it does not know, it says.
    let asked = silent.handler.authorities.lock().unwrap().len() - silent.calls();
    assert_eq!(asked, 1);
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_with_the_channel() {
    let net = Net::default();
    let mut reporter = Reporter::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let stream = reporter.stream().await;
    drop(channel);
    let ended = timeout(Duration::from_secs(30), stream.reports.closed()).await;
    ended.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn streams_of_reports_are_no_calls_and_end_when_the_channel_goes_idle() {
    let net = Net::default();
    let mut reporter = Reporter::start(&net, addr(1));
    let channel = channel(&net, [1]);
    let stream = reporter.stream().await;
    // It reports all the time, and nobody calls.
    let reporting = tokio::spawn(async move {
        while !stream.reports.is_closed() {
            stream.weighs(100.0);
            sleep(Duration::from_secs(7)).await;
        }
    });
    let mut states = channel.states();
    let idle = async { while states.changed().await.unwrap() != ConnectivityState::Idle {} };
    // The default of 30 minutes, and an eighth.
    let limit = Duration::from_secs(34 * 60);
    timeout(limit, idle).await.expect("the channel goes idle");
    let ended = timeout(Duration::from_secs(30), reporting).await;
    ended.expect("the stream ends").unwrap();
    // The next call wakes both.
    patient_call(&channel).await.unwrap();
    reporter.stream().await;
}
