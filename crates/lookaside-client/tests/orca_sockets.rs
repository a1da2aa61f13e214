//! Backends that report their load (ORCA) over sockets, and weighted_round_robin that follows
//! them: in the trailers of responses, and on a stream of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use http::HeaderValue;
use http_body_util::BodyExt;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_client::{Channel, WeightedRoundRobin};
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
use prost::Message;
use support::{backend::Handler, calls::call, eventually};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use tonic::{Request, Response, Status, body::Body, codegen::tokio_stream::Stream};
use tower_service::Service;

/// An echo server on a socket that says how busy it is.
struct Backend {
    at: SocketAddr,
    /// Its queries a second at full use.
    capacity: watch::Sender<f64>,
    served: Served,
    accept: JoinHandle<()>,
}

#[derive(Clone)]
struct Served {
    handler: Handler,
    capacity: watch::Receiver<f64>,
    /// Streams of reports that are open.
    streams: Arc<AtomicUsize>,
}

fn report(capacity: f64) -> OrcaLoadReport {
    OrcaLoadReport {
        rps_fractional: capacity / 2.0,
        cpu_utilization: 0.5,
        ..OrcaLoadReport::default()
    }
}

impl Backend {
    async fn start(capacity: f64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (capacity, current) = watch::channel(capacity);
        let mut handler = Handler::new(at);
        handler.name = at.to_string().into();
        let served = Served {
            handler,
            capacity: current,
            streams: Arc::default(),
        };
        let serving = served.clone();
        let accept = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, serving.clone()));
            }
        });
        Self {
            at,
            capacity,
            served,
            accept,
        }
    }

    fn streams(&self) -> usize {
        self.served.streams.load(SeqCst)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn serve(socket: TcpStream, served: Served) {
    let echo = EchoServer::new(served.handler.clone());
    let orca = OpenRcaServiceServer::new(served.clone());
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (mut echo, mut orca) = (echo.clone(), orca.clone());
        let capacity = served.capacity.clone();
        async move {
            let request = request.map(Body::new);
            if request.uri().path().starts_with("/xds.") {
                return orca.call(request).await;
            }
            let response = echo.call(request).await?;
            let load = report(*capacity.borrow()).encode_to_vec();
            let load = HeaderValue::from_str(&BASE64_STANDARD_NO_PAD.encode(load)).unwrap();
            Ok(response.map(|body| {
                Body::new(body.map_frame(move |mut frame| {
                    if let Some(trailers) = frame.trailers_mut() {
                        trailers.insert("endpoint-load-metrics-bin", load.clone());
                    }
                    frame
                }))
            }))
        }
    });
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

/// Decrements when dropped.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

struct Reports(mpsc::Receiver<Result<OrcaLoadReport, Status>>);

impl Stream for Reports {
    type Item = Result<OrcaLoadReport, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

#[tonic::async_trait]
impl OpenRcaService for Served {
    type StreamCoreMetricsStream = Reports;

    /// A report now, and one with each change.
    async fn stream_core_metrics(
        &self,
        _: Request<OrcaLoadReportRequest>,
    ) -> Result<Response<Reports>, Status> {
        let (reports, receiver) = mpsc::channel(1);
        let mut capacity = self.capacity.clone();
        self.streams.fetch_add(1, SeqCst);
        let open = Open(Arc::clone(&self.streams));
        tokio::spawn(async move {
            let _open = open;
            loop {
                let now = report(*capacity.borrow_and_update());
                if reports.send(Ok(now)).await.is_err() {
                    return;
                }
                tokio::select! {
                    changed = capacity.changed() => if changed.is_err() { return },
                    () = reports.closed() => return,
                }
            }
        });
        Ok(Response::new(Reports(receiver)))
    }
}

fn channel(backends: &[Backend], policy: WeightedRoundRobin) -> Channel {
    let policy = policy
        .blackout_period(Duration::ZERO)
        .weight_update_period(Duration::from_millis(100));
    Channel::builder("orders")
        .addresses(backends.iter().map(|backend| backend.at.to_string()))
        .child_policy(policy)
        .wait_for_ready(true)
        .build()
        .unwrap()
}

/// Until so many of 200 calls go to the first backend.
async fn to_the_first(channel: &Channel, first: &Backend, expected: usize) {
    let name = first.at.to_string();
    eventually("calls follow the reports", async || {
        let mut calls = 0;
        for _ in 0..200 {
            calls += usize::from(call(channel).await.unwrap().backend == name);
        }
        calls.abs_diff(expected) <= 2
    })
    .await;
}

#[tokio::test]
async fn calls_follow_the_reports_in_trailers_over_sockets() {
    let backends = [Backend::start(100.0).await, Backend::start(300.0).await];
    let channel = channel(&backends, WeightedRoundRobin::new());
    to_the_first(&channel, &backends[0], 50).await;
    backends[0].capacity.send_replace(900.0);
    to_the_first(&channel, &backends[0], 150).await;
    assert_eq!(backends[0].streams(), 0);
}

#[tokio::test]
async fn calls_follow_the_reports_on_streams_over_sockets() {
    let backends = [Backend::start(100.0).await, Backend::start(300.0).await];
    let policy = WeightedRoundRobin::new().enable_oob_load_report(true);
    let channel = channel(&backends, policy);
    to_the_first(&channel, &backends[0], 50).await;
    assert_eq!(backends.each_ref().map(Backend::streams), [1, 1]);
    backends[0].capacity.send_replace(900.0);
    to_the_first(&channel, &backends[0], 150).await;
    drop(channel);
    eventually("the streams end with the channel", async || {
        backends.iter().all(|backend| backend.streams() == 0)
    })
    .await;
}
