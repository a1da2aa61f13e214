use std::{convert::Infallible, pin::pin, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lookaside_agent::{LbTokenService, TokenCheck};
use lookaside_proto::demo::echo_server::EchoServer;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{body::Body, server::NamedService};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tower_layer::Layer;
use tower_service::Service;

use super::echo::Echo;

/// More connections than a demo backend has clients; the next ones wait in the
/// listener's backlog.
const MAX_CONNECTIONS: usize = 10_000;

/// How long a shutdown waits for calls in flight. Together with the drain before it
/// this stays within the 10 s that `docker stop` gives a process.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// Accepting fails when files or memory run out: a pause lets connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections whose peer has vanished are found and closed.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A demo backend that listens. Dropping it kills it: connections and calls break off.
#[derive(Debug)]
pub(crate) struct Server {
    health: HealthReporter,
    closing: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Server {
    /// Serves health, and Echo with answers that take the time of `work`, to whoever
    /// connects to `listener`; with a check, to calls that it admits.
    pub(crate) async fn start(
        listener: TcpListener,
        name: &str,
        work: Duration,
        check: Option<&TokenCheck>,
    ) -> Self {
        let closing = CancellationToken::new();
        let health = HealthReporter::new();
        let services = Services::new(name, work, health.clone(), check);
        let task = serve(listener, services, closing.clone());
        let server = Self {
            health,
            closing,
            task: AbortOnDropHandle::new(tokio::spawn(task)),
        };
        server.set_health(ServingStatus::Serving).await;
        server
    }

    /// What its health service says from now on; calls are answered all the same.
    pub(crate) async fn set_health(&self, status: ServingStatus) {
        for service in ["", EchoServer::<Echo>::NAME] {
            self.health.set_service_status(service, status).await;
        }
    }

    /// Takes no more connections, sends GOAWAY on those there are, and waits until the
    /// calls in flight have ended, for at most 5 s.
    pub(crate) async fn shutdown(self) {
        self.closing.cancel();
        if timeout(SHUTDOWN_TIME, self.task).await.is_err() {
            tracing::warn!(wait = ?SHUTDOWN_TIME, "calls were still in flight");
        }
    }
}

async fn serve(listener: TcpListener, services: Services, closing: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = closing.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, services.clone(), closing.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, services: Services, closing: CancellationToken) {
    let _ = stream.set_nodelay(true); // slower without it, not wrong
    let service = service_fn(|request| services.clone().call(request));
    let mut connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEPALIVE)
            .serve_connection(TokioIo::new(stream), service)
    );
    // How a client's connection ends is the client's business.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

/// What a demo backend answers.
#[derive(Clone, Debug)]
struct Services {
    echo: CheckedEcho,
    health: HealthServer<HealthService>,
}

impl Services {
    fn new(name: &str, work: Duration, health: HealthReporter, check: Option<&TokenCheck>) -> Self {
        let echo = EchoServer::new(Echo {
            name: name.into(),
            work,
        });
        Self {
            echo: match check {
                Some(check) => CheckedEcho::Checked(check.layer().layer(echo)),
                None => CheckedEcho::Unchecked(echo),
            },
            health: HealthServer::new(HealthService::from_health_reporter(health)),
        }
    }

    async fn call(mut self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        // Either answers UNIMPLEMENTED to what it does not know.
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            self.health.call(request).await
        } else {
            match &mut self.echo {
                CheckedEcho::Checked(echo) => echo.call(request).await,
                CheckedEcho::Unchecked(echo) => echo.call(request).await,
            }
        }
    }
}

/// Echo, behind a check of tokens or not.
#[derive(Clone, Debug)]
enum CheckedEcho {
    Checked(LbTokenService<EchoServer<Echo>>),
    Unchecked(EchoServer<Echo>),
}
