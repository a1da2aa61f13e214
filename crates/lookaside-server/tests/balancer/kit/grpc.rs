use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http2::{SendRequest, handshake},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_proto::v1::{GetServiceRequest, Service as Described, inspect_client::InspectClient};
use lookaside_server::Balancer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tonic::{Status, body::Body};
use tower_service::Service;

/// What generated clients need of a connection.
#[derive(Clone)]
pub(crate) struct Grpc(SendRequest<Body>);

impl Grpc {
    pub(crate) async fn connect(balancer: &Arc<Balancer>) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let balancer = Arc::clone(balancer);
        tokio::spawn(async move { balancer.serve_connection(theirs, None).await });
        Self::over(ours).await
    }

    /// To the port for operators.
    pub(crate) async fn operator(balancer: &Balancer) -> Self {
        Self::over(TcpStream::connect(balancer.admin_addr()).await.unwrap()).await
    }

    async fn over<IO>(io: IO) -> Self
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(io);
        let (client, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }
}

impl Service<Request<Body>> for Grpc {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path_and_query().unwrap().clone();
        *request.uri_mut() = format!("http://balancer{path}").parse().unwrap();
        Box::pin(self.0.send_request(request))
    }
}

/// Asks the balancer about services.
pub(crate) struct Inspect(pub(crate) InspectClient<Grpc>);

impl Inspect {
    pub(crate) fn new(grpc: Grpc) -> Self {
        Self(InspectClient::new(grpc))
    }

    pub(crate) async fn get(&mut self, name: &str) -> Result<Described, Status> {
        let request = GetServiceRequest {
            name: name.to_owned(),
        };
        Ok(self.0.get_service(request).await?.into_inner())
    }
}
