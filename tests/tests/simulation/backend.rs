//! Backends: echo servers that register themselves.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lookaside_proto::{
    LB_TOKEN_HEADER,
    demo::{
        EchoRequest, EchoResponse,
        echo_server::{Echo, EchoServer},
    },
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tonic::{Request, Response, Status, body::Body};
use tower_service::Service;

use crate::{net::Net, pipe::End, witness::Witness};

/// The longest that a call takes at a backend.
pub const MAX_WORK: Duration = Duration::from_secs(3);

/// Answers calls until it is dropped, which cuts nothing: see [`Net::cut`].
pub struct Server {
    net: Net,
    at: SocketAddr,
    order: watch::Sender<Order>,
    tasks: JoinSet<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Serve,
    /// GOAWAY, counted.
    Leave(u32),
}

#[derive(Clone)]
struct Handler {
    at: SocketAddr,
    witness: Witness,
    rng: Arc<Mutex<Rng>>,
}

#[tonic::async_trait]
impl Echo for Handler {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        let token = request.metadata().get(LB_TOKEN_HEADER);
        let token = token.map(|token| token.to_str().unwrap_or("?").to_owned());
        let client = request.into_inner().message;
        self.witness
            .call_arrived(self.at, &client, token.as_deref());
        let work = {
            let mut rng = self.rng.lock().unwrap();
            match rng.u32(..100) {
                _ if self.witness.is_quiet() => Duration::ZERO,
                0..60 => Duration::ZERO,
                60..95 => Duration::from_millis(rng.u64(..50)),
                _ => Duration::from_millis(rng.u64(..MAX_WORK.as_millis() as u64)),
            }
        };
        sleep(work).await;
        Ok(Response::new(EchoResponse {
            // So that the client can tell the time that was lost elsewhere.
            message: work.as_millis().to_string(),
            backend: self.at.to_string(),
            lb_token: token.unwrap_or_default(),
        }))
    }
}

impl Server {
    pub fn start(net: &Net, at: SocketAddr, witness: Witness, rng: Rng) -> Self {
        let mut incoming = net.listen(at);
        let (order, orders) = watch::channel(Order::Serve);
        let handler = Handler {
            at,
            witness,
            rng: Arc::new(Mutex::new(rng)),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(end) = incoming.recv().await {
                connections.spawn(serve(end, handler.clone(), orders.clone()));
                while connections.try_join_next().is_some() {}
            }
            while connections.join_next().await.is_some() {}
        });
        Self {
            net: net.clone(),
            at,
            order,
            tasks,
        }
    }

    /// GOAWAY to all clients, as at the connections' maximum age; they may come back.
    pub fn go_away(&self) {
        self.order.send_modify(|order| {
            *order = match *order {
                Order::Serve => Order::Leave(1),
                Order::Leave(times) => Order::Leave(times + 1),
            };
        });
    }

    /// Stops as a good server does: no new connections, GOAWAY, and all calls finished.
    pub async fn stop(mut self) {
        self.net.close(self.at);
        self.go_away();
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        let _ = timeout(MAX_WORK * 2, finished).await;
    }
}

async fn serve(end: End, handler: Handler, mut orders: watch::Receiver<Order>) {
    let echo = EchoServer::new(handler);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let mut echo = echo.clone();
        async move { echo.call(request.map(Body::new)).await }
    });
    let connection =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(end), service);
    tokio::pin!(connection);
    orders.mark_unchanged();
    tokio::select! {
        _ = &mut connection => return,
        _ = orders.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
