use std::{net::SocketAddr, pin::Pin, time::Duration};

use http::uri::Authority;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_proto::lb::{
    ClientStats, FallbackResponse, InitialLoadBalanceResponse, LoadBalanceRequest,
    LoadBalanceResponse, Server, ServerList,
    load_balance_request::LoadBalanceRequestType,
    load_balance_response::LoadBalanceResponseType,
    load_balancer_server::{LoadBalancer, LoadBalancerServer},
};
use tokio::{sync::mpsc, task::JoinSet};
use tonic::{Request, Response, Status, Streaming, body::Body, codegen::tokio_stream::Stream};
use tower_service::Service;

use super::net::Net;

/// A balancer whose streams the test answers by hand. Ends when dropped: connections are
/// cut.
pub struct Balancer {
    pub at: SocketAddr,
    net: Net,
    streams: mpsc::UnboundedReceiver<BalancerStream>,
    accept: tokio::task::JoinHandle<()>,
}

/// One stream, as the balancer sees it.
pub struct BalancerStream {
    pub headers: http::HeaderMap,
    /// What the client called the balancer.
    pub authority: String,
    requests: Streaming<LoadBalanceRequest>,
    responses: mpsc::UnboundedSender<Result<LoadBalanceResponse, Status>>,
}

#[derive(Clone)]
struct Handler(mpsc::UnboundedSender<BalancerStream>);

struct Responses(mpsc::UnboundedReceiver<Result<LoadBalanceResponse, Status>>);

impl Stream for Responses {
    type Item = Result<LoadBalanceResponse, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

#[tonic::async_trait]
impl LoadBalancer for Handler {
    type BalanceLoadStream = Responses;

    async fn balance_load(
        &self,
        request: Request<Streaming<LoadBalanceRequest>>,
    ) -> Result<Response<Responses>, Status> {
        let (responses, receiver) = mpsc::unbounded_channel();
        let headers = request.metadata().clone().into_headers();
        let authority = request.extensions().get::<Authority>();
        let stream = BalancerStream {
            headers,
            authority: authority.map(ToString::to_string).unwrap_or_default(),
            requests: request.into_inner(),
            responses,
        };
        self.0
            .send(stream)
            .map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(Responses(receiver)))
    }
}

impl Balancer {
    pub fn start(net: &Net, at: SocketAddr) -> Self {
        let mut incoming = net.listen(at);
        let (sender, streams) = mpsc::unbounded_channel();
        let accept = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(io) = incoming.recv().await {
                let server = LoadBalancerServer::new(Handler(sender.clone()));
                connections.spawn(async move {
                    let service = service_fn(move |mut request: http::Request<_>| {
                        let mut server = server.clone();
                        if let Some(authority) = request.uri().authority().cloned() {
                            request.extensions_mut().insert(authority);
                        }
                        async move { server.call(request.map(Body::new)).await }
                    });
                    let _ = http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(io), service)
                        .await;
                });
            }
            while connections.join_next().await.is_some() {}
        });
        Self {
            at,
            net: net.clone(),
            streams,
            accept,
        }
    }

    /// The next stream, with nothing read or sent.
    pub async fn raw_stream(&mut self) -> BalancerStream {
        let wait = Duration::from_secs(300);
        let stream = tokio::time::timeout(wait, self.streams.recv()).await;
        stream.expect("no stream within 300 s").unwrap()
    }

    /// The next stream, after the initial messages; no load reports.
    pub async fn stream(&mut self) -> BalancerStream {
        let mut stream = self.raw_stream().await;
        stream.name().await;
        stream.initial(None);
        stream
    }

    /// A stream that came in the meantime.
    pub fn try_stream(&mut self) -> Option<BalancerStream> {
        self.streams.try_recv().ok()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.net.close(self.at);
        self.accept.abort();
    }
}

impl BalancerStream {
    async fn request(&mut self) -> Option<LoadBalanceRequestType> {
        let message = self.requests.message().await.ok()??;
        message.load_balance_request_type
    }

    /// The name of the initial request, which comes first.
    pub async fn name(&mut self) -> String {
        match self.request().await {
            Some(LoadBalanceRequestType::InitialRequest(initial)) => initial.name,
            other => panic!("expected the initial request, got {other:?}"),
        }
    }

    /// The next load report; none when the stream has ended.
    pub async fn report(&mut self) -> Option<ClientStats> {
        match self.request().await? {
            LoadBalanceRequestType::ClientStats(stats) => Some(stats),
            other => panic!("expected a report, got {other:?}"),
        }
    }

    pub fn send(&self, message: LoadBalanceResponseType) {
        let _ = self.responses.send(Ok(LoadBalanceResponse {
            load_balance_response_type: Some(message),
        }));
    }

    /// A message that says nothing.
    pub fn nothing(&self) {
        let _ = self.responses.send(Ok(LoadBalanceResponse::default()));
    }

    pub fn initial(&self, interval: Option<Duration>) {
        let interval = interval.map(|interval| interval.try_into().unwrap());
        self.send(LoadBalanceResponseType::InitialResponse(
            InitialLoadBalanceResponse {
                client_stats_report_interval: interval,
            },
        ));
    }

    /// An interval as it goes over the wire, which may be nonsense.
    pub fn initial_raw(&self, seconds: i64, nanos: i32) {
        let interval = prost_types::Duration { seconds, nanos };
        self.send(LoadBalanceResponseType::InitialResponse(
            InitialLoadBalanceResponse {
                client_stats_report_interval: Some(interval),
            },
        ));
    }

    pub fn list(&self, servers: impl IntoIterator<Item = Server>) {
        self.send(LoadBalanceResponseType::ServerList(ServerList {
            servers: servers.into_iter().collect(),
        }));
    }

    pub fn fall_back(&self) {
        self.send(LoadBalanceResponseType::FallbackResponse(
            FallbackResponse {},
        ));
    }

    pub fn fail(self, status: Status) {
        let _ = self.responses.send(Err(status));
    }
}

pub fn server(at: SocketAddr, token: &str) -> Server {
    let ip_address = match at.ip() {
        std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
        std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    Server {
        ip_address,
        port: at.port().into(),
        load_balance_token: token.to_owned(),
        drop: false,
    }
}

pub fn drop_entry(token: &str) -> Server {
    Server {
        load_balance_token: token.to_owned(),
        drop: true,
        ..Server::default()
    }
}
