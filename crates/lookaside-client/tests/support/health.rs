//! A backend that answers health watches as the test says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "all of it runs in tests"
)]

use std::{net::SocketAddr, pin::Pin, time::Duration};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_proto::demo::echo_server::EchoServer;
use lookaside_proto::health::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};
use tokio::{sync::mpsc, task::JoinSet};
use tonic::{Request, Response, Status, body::Body, codegen::tokio_stream::Stream};
use tower_service::Service;

use crate::support::{backend::Handler, net::Net};

/// An echo server whose health streams the test answers by hand. Ends when dropped:
/// connections are cut.
pub struct HealthBackend {
    at: SocketAddr,
    net: Net,
    streams: mpsc::UnboundedReceiver<HealthStream>,
    connections: tokio::task::JoinHandle<()>,
    pub handler: Handler,
}

/// One stream, as the backend sees it. Dropped, it ends.
pub struct HealthStream {
    pub service: String,
    pub headers: http::HeaderMap,
    answers: mpsc::UnboundedSender<Result<HealthCheckResponse, Status>>,
}

impl HealthStream {
    pub fn says(&self, status: ServingStatus) {
        let status = status.into();
        let _ = self.answers.send(Ok(HealthCheckResponse { status }));
    }

    pub fn fail(self, status: Status) {
        let _ = self.answers.send(Err(status));
    }

    /// Until the client has let go of it.
    pub async fn ended(&self) {
        self.answers.closed().await;
    }
}

#[derive(Clone)]
struct Watches(mpsc::UnboundedSender<HealthStream>);

struct Answers(mpsc::UnboundedReceiver<Result<HealthCheckResponse, Status>>);

impl Stream for Answers {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

#[tonic::async_trait]
impl Health for Watches {
    type WatchStream = Answers;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Err(Status::internal("clients watch"))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Answers>, Status> {
        let (answers, receiver) = mpsc::unbounded_channel();
        let stream = HealthStream {
            headers: request.metadata().clone().into_headers(),
            service: request.into_inner().service,
            answers,
        };
        let sent = self.0.send(stream);
        sent.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(Answers(receiver)))
    }
}

impl HealthBackend {
    pub fn start(net: &Net, at: SocketAddr) -> Self {
        let handler = Handler::new(at);
        let (sender, streams) = mpsc::unbounded_channel();
        let mut incoming = net.listen(at);
        let echo = EchoServer::new(handler.clone());
        let connections = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(io) = incoming.recv().await {
                let health = HealthServer::new(Watches(sender.clone()));
                let echo = echo.clone();
                let service = service_fn(move |request: http::Request<_>| {
                    let (mut health, mut echo) = (health.clone(), echo.clone());
                    async move {
                        let asks_health = request.uri().path().starts_with("/grpc.health.v1.");
                        let request = request.map(Body::new);
                        if asks_health {
                            health.call(request).await
                        } else {
                            echo.call(request).await
                        }
                    }
                });
                connections.spawn(async move {
                    let io = TokioIo::new(io);
                    let builder = http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(io, service).await;
                });
            }
            while connections.join_next().await.is_some() {}
        });
        Self {
            at,
            net: net.clone(),
            streams,
            connections,
            handler,
        }
    }

    /// The next stream.
    pub async fn stream(&mut self) -> HealthStream {
        let wait = Duration::from_secs(300);
        let stream = tokio::time::timeout(wait, self.streams.recv()).await;
        stream.expect("no health stream within 300 s").unwrap()
    }

    /// A stream that came in the meantime.
    pub fn try_stream(&mut self) -> Option<HealthStream> {
        self.streams.try_recv().ok()
    }
}

impl Drop for HealthBackend {
    fn drop(&mut self) {
        self.net.close(self.at);
        self.connections.abort();
    }
}
