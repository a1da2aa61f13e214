//! Backends for probes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::Request;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};
use tonic::body::Body;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use crate::{
    http::Routes,
    probe::{NetworkProber, ProbeError, Prober, Target},
};
use lookaside_core::Probe;

/// Far above what anything on loopback takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// A backend that ends with the test.
pub(super) struct Backend {
    pub(super) addr: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Backend {
    /// Hands each connection to `serve`, one after the other.
    pub(super) async fn raw<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream).await;
            }
        });
        Self {
            addr,
            _tasks: tasks,
        }
    }

    /// Has the health of these services, and nothing else.
    pub(super) async fn grpc(health: &[(&str, ServingStatus)]) -> Self {
        let routes = routes(health).await;
        Self::raw(move |stream| serve(stream, Arc::clone(&routes))).await
    }

    /// As [`Backend::grpc`], behind TLS.
    pub(super) async fn tls(health: &[(&str, ServingStatus)], config: ServerConfig) -> Self {
        let routes = routes(health).await;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::raw(move |stream| {
            let (acceptor, routes) = (acceptor.clone(), Arc::clone(&routes));
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, routes).await;
                }
            }
        })
        .await
    }

    pub(super) async fn probe(&self, probe: &Probe) -> Result<(), ProbeError> {
        ask(self.addr, probe, TIMEOUT).await
    }
}

pub(super) async fn ask(
    addr: SocketAddr,
    probe: &Probe,
    timeout: Duration,
) -> Result<(), ProbeError> {
    let prober = NetworkProber::default();
    prober.probe(&Target::from(addr), probe, timeout).await
}

pub(super) fn grpc(service: &str) -> Probe {
    Probe::Grpc {
        service: service.into(),
        tls: false,
    }
}

pub(super) fn server_tls(
    chain: &rcgen::Certificate,
    key: &rcgen::KeyPair,
    client_auth: Option<Arc<dyn tokio_rustls::rustls::server::danger::ClientCertVerifier>>,
) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client_auth {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let key = key.serialize_der().try_into().unwrap();
    let mut config = builder
        .with_single_cert(vec![chain.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

async fn routes(health: &[(&str, ServingStatus)]) -> Arc<Routes> {
    if health.is_empty() {
        return Arc::default();
    }
    let reporter = HealthReporter::new();
    for (service, status) in health {
        reporter.set_service_status(*service, *status).await;
    }
    let service = HealthService::from_health_reporter(reporter);
    Arc::new(Routes::default().with(HealthServer::new(service)))
}

async fn serve<IO>(io: IO, routes: Arc<Routes>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, std::convert::Infallible>(routes.call(request.map(Body::new)).await) }
    });
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), service)
        .await;
}
