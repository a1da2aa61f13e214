//! Channels over TLS: real handshakes, on a network in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_client::{
    Address, Channel, ClientTls, ConnectFuture, Connector, Mode, Resolver, ResolverBuilder,
    ResolverController, ResolverUpdate, TlsConnector, TlsFiles, WorkScheduler,
};
use lookaside_proto::demo::echo_server::EchoServer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use support::{
    addr,
    backend::{Backend, Handler},
    balancer::{Balancer, server},
    calls::{call, patient_call},
    net::Net,
    text,
};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tonic::{Code, body::Body};
use tower_service::Service;

struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new([]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(ca, key),
        }
    }

    /// What a server for `name` accepts with.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([name.to_owned()]).unwrap();
        let cert = leaf.signed_by(&key, &self.issuer).unwrap();
        let cert = CertificateDer::from_pem_slice(cert.pem().as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    fn tls(&self) -> ClientTls {
        ClientTls::new(self.pem.as_bytes(), None).unwrap()
    }
}

/// An echo server in TLS.
struct TlsBackend {
    /// What its calls were sent to, as their URIs say.
    uris: Arc<Mutex<Vec<String>>>,
    connections: JoinHandle<()>,
}

impl TlsBackend {
    fn start(net: &Net, at: SocketAddr, acceptor: TlsAcceptor) -> Self {
        let mut incoming = net.listen(at);
        let uris = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&uris);
        let connections = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(io) = incoming.recv().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                let echo = EchoServer::new(Handler::new(at));
                connections.spawn(async move {
                    let Ok(io) = acceptor.accept(io).await else {
                        return;
                    };
                    let service = service_fn(move |request: http::Request<_>| {
                        seen.lock().unwrap().push(request.uri().to_string());
                        let mut echo = echo.clone();
                        async move { echo.call(request.map(Body::new)).await }
                    });
                    let builder = http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(io), service).await;
                });
            }
        });
        Self { uris, connections }
    }
}

impl Drop for TlsBackend {
    fn drop(&mut self) {
        self.connections.abort();
    }
}

/// Takes TLS off in front of a server without.
fn front(net: &Net, at: SocketAddr, to: SocketAddr, acceptor: TlsAcceptor) -> JoinHandle<()> {
    let mut incoming = net.listen(at);
    let net = net.clone();
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Some(io) = incoming.recv().await {
            let (acceptor, behind) = (acceptor.clone(), net.connect(&Address::new(to)));
            connections.spawn(async move {
                if let (Ok(mut io), Ok(mut behind)) = (acceptor.accept(io).await, behind.await) {
                    let _ = tokio::io::copy_bidirectional(&mut io, &mut behind).await;
                }
            });
        }
    })
}

fn channel(net: &Net, target: &str, tls: ClientTls) -> Channel {
    Channel::builder(target)
        .addresses([text(1)])
        .connector(TlsConnector::over(tls, net.clone()))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_checked_by_the_channels_name_and_called_by_https() {
    let (net, ca) = (Net::default(), Ca::new());
    let backend = TlsBackend::start(&net, addr(1), ca.acceptor("orders.test"));
    let channel = channel(&net, "orders.test", ca.tls());
    call(&channel).await.unwrap();
    let uris = backend.uris.lock().unwrap().clone();
    assert_eq!(uris, ["https://orders.test/lookaside.demo.v1.Echo/Echo"]);
}

#[tokio::test(start_paused = true)]
async fn a_backend_of_another_name_is_refused_and_both_names_are_told() {
    let (net, ca) = (Net::default(), Ca::new());
    let _backend = TlsBackend::start(&net, addr(1), ca.acceptor("payments.test"));
    let channel = channel(&net, "orders.test", ca.tls());
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    for part in ["10.0.0.1:1: TLS: ", "orders.test", "payments.test"] {
        assert!(status.message().contains(part), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_may_be_given_apart_from_the_target() {
    let (net, ca) = (Net::default(), Ca::new());
    let _backend = TlsBackend::start(&net, addr(1), ca.acceptor("orders.test"));
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .authority("orders.test:443")
        .connector(TlsConnector::over(ca.tls(), net.clone()))
        .build()
        .unwrap();
    call(&channel).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_backend_without_tls_is_said_to_be_one() {
    let (net, ca) = (Net::default(), Ca::new());
    let _plain = Backend::start(&net, addr(1));
    let channel = channel(&net, "orders.test", ca.tls());
    let status = call(&channel).await.unwrap_err();
    assert!(status.message().contains("10.0.0.1:1: TLS: "), "{status}");
}

/// A balancer by the name that a SRV record has for it.
#[derive(Debug)]
struct Srv;

struct SrvResolver(Option<ResolverUpdate>);

impl ResolverBuilder for Srv {
    fn build(&self, _: WorkScheduler) -> Box<dyn Resolver> {
        let balancer = Address::new(addr(9)).with_authority("lb-1.test.:7400".parse().unwrap());
        let update = ResolverUpdate::new(Vec::new()).with_balancers(vec![balancer]);
        Box::new(SrvResolver(Some(update)))
    }
}

impl Resolver for SrvResolver {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        if let Some(update) = self.0.take() {
            controller.update(update);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_balancer_is_checked_by_its_own_name_without_the_dot_at_its_end() {
    let (net, balancers, backends) = (Net::default(), Ca::new(), Ca::new());
    let _backend = TlsBackend::start(&net, addr(1), backends.acceptor("orders.test"));
    let mut balancer = Balancer::start(&net, addr(8));
    let front = front(&net, addr(9), addr(8), balancers.acceptor("lb-1.test"));
    let channel = Channel::builder("orders.test")
        .resolver_with_balancers(Srv)
        .connector(TlsConnector::over(backends.tls(), net.clone()))
        .balancer_connector(TlsConnector::over(balancers.tls(), net.clone()))
        .build()
        .unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "token")]);
    assert_eq!(call(&channel).await.unwrap().lb_token, "token");
    assert_eq!(channel.mode(), Mode::Balancer);
    front.abort();
}

#[tokio::test(start_paused = true)]
async fn a_ca_that_is_replaced_is_believed_without_a_restart() {
    let (net, before, after) = (Net::default(), Ca::new(), Ca::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, &before.pem).unwrap();
    let channel = channel(&net, "orders.test", TlsFiles::new(&path).load().unwrap());
    let backend = TlsBackend::start(&net, addr(1), after.acceptor("orders.test"));
    call(&channel).await.unwrap_err();
    std::fs::write(&path, &after.pem).unwrap();
    patient_call(&channel).await.unwrap();
    drop(backend);
}

/// A transport for each endpoint: TLS for one backend, none for the other.
struct ByEndpoint {
    plain: Net,
    tls: TlsConnector,
}

impl Connector for ByEndpoint {
    fn connect(&self, address: &Address) -> ConnectFuture {
        if address.socket_addr() == Some(addr(1)) {
            self.tls.connect(address)
        } else {
            self.plain.connect(address)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_may_choose_the_transport_by_the_endpoint() {
    let (net, ca) = (Net::default(), Ca::new());
    let secure = TlsBackend::start(&net, addr(1), ca.acceptor("orders.test"));
    let plain = Backend::start(&net, addr(2));
    let channel = Channel::builder("orders.test")
        .addresses([text(1), text(2)])
        .connector(ByEndpoint {
            plain: net.clone(),
            tls: TlsConnector::over(ca.tls(), net.clone()),
        })
        .build()
        .unwrap();
    support::eventually("both have calls", async || {
        call(&channel).await.unwrap();
        !secure.uris.lock().unwrap().is_empty() && plain.calls() > 0
    })
    .await;
}
