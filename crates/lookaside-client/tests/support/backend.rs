use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_proto::demo::{
    EchoRequest, EchoResponse,
    echo_server::{Echo, EchoServer},
};
use tokio::{sync::watch, task::JoinSet};
use tonic::{Request, Response, Status, body::Body};
use tower_service::Service;

use super::net::Net;

/// What a connection is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Run,
    GoAway,
}

/// An echo server on the network. Ends when dropped: connections are cut.
pub struct Backend {
    pub at: SocketAddr,
    net: Net,
    order: watch::Sender<Order>,
    accept: tokio::task::JoinHandle<()>,
    pub handler: Handler,
}

/// What it answers, and what it saw.
#[derive(Clone)]
pub struct Handler {
    pub name: Arc<str>,
    pub calls: Arc<AtomicUsize>,
    pub delay: Arc<Mutex<Duration>>,
    pub tokens: Arc<Mutex<Vec<Option<String>>>>,
    pub headers: Arc<Mutex<Vec<http::HeaderMap>>>,
    pub authorities: Arc<Mutex<Vec<String>>>,
    /// How many connections are open.
    pub open: Arc<AtomicUsize>,
    /// Whether every call fails.
    pub failing: Arc<AtomicBool>,
}

impl Handler {
    /// Of a server at this address, which is its name.
    pub fn new(at: SocketAddr) -> Self {
        Self {
            name: at.ip().to_string().into(),
            calls: Arc::default(),
            delay: Arc::default(),
            tokens: Arc::default(),
            headers: Arc::default(),
            authorities: Arc::default(),
            failing: Arc::default(),
            open: Arc::default(),
        }
    }
}

#[tonic::async_trait]
impl Echo for Handler {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        self.calls.fetch_add(1, SeqCst);
        let token = request.metadata().get("lb-token");
        let token = token.map(|token| token.to_str().unwrap().to_owned());
        self.tokens.lock().unwrap().push(token.clone());
        let headers = request.metadata().clone().into_headers();
        self.headers.lock().unwrap().push(headers);
        let delay = *self.delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let message = request.into_inner().message;
        if message == "fail" || self.failing.load(SeqCst) {
            return Err(Status::data_loss("as asked"));
        }
        Ok(Response::new(EchoResponse {
            message,
            backend: self.name.to_string(),
            lb_token: token.unwrap_or_default(),
        }))
    }
}

impl Backend {
    pub fn start(net: &Net, at: SocketAddr) -> Self {
        Self::start_with(net, at, Handler::new(at))
    }

    pub fn start_with(net: &Net, at: SocketAddr, handler: Handler) -> Self {
        let mut incoming = net.listen(at);
        let (order, orders) = watch::channel(Order::Run);
        let served = handler.clone();
        let accept = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(io) = incoming.recv().await {
                connections.spawn(serve(io, served.clone(), orders.clone()));
            }
            while connections.join_next().await.is_some() {}
        });
        Self {
            at,
            net: net.clone(),
            order,
            accept,
            handler,
        }
    }

    pub fn calls(&self) -> usize {
        self.handler.calls.load(SeqCst)
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.handler.open.load(SeqCst)
    }

    /// GOAWAY on every connection that is open now; new ones are served.
    pub fn go_away(&self) {
        self.order.send_replace(Order::GoAway);
        self.order.send_replace(Order::Run);
    }

    /// No new connections, GOAWAY on the others, and the end of all of them.
    pub async fn shut_down(mut self) {
        self.net.close(self.at);
        self.order.send_replace(Order::GoAway);
        (&mut self.accept).await.unwrap();
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.net.close(self.at);
        self.accept.abort();
    }
}

/// Counts a connection while it is open.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn count(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, SeqCst);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

async fn serve(io: tokio::io::DuplexStream, handler: Handler, mut orders: watch::Receiver<Order>) {
    let _open = Open::count(&handler.open);
    let authorities = Arc::clone(&handler.authorities);
    let echo = EchoServer::new(handler);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let authority = request.uri().authority().map(ToString::to_string);
        authorities
            .lock()
            .unwrap()
            .push(authority.unwrap_or_default());
        let mut echo = echo.clone();
        async move { echo.call(request.map(Body::new)).await }
    });
    let connection =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    orders.mark_unchanged();
    let go_away = orders.changed();
    tokio::select! {
        _ = &mut connection => return,
        _ = go_away => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
