use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use lookaside_client::{Address, ConnectFuture, Connector, Transport};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};

/// Who listens where. A connect to anybody else is refused.
#[derive(Clone, Default)]
pub struct Net(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    listeners: HashMap<SocketAddr, mpsc::UnboundedSender<DuplexStream>>,
    connects: HashMap<SocketAddr, usize>,
}

impl Net {
    pub fn listen(&self, at: SocketAddr) -> mpsc::UnboundedReceiver<DuplexStream> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.lock().unwrap().listeners.insert(at, sender);
        receiver
    }

    pub fn close(&self, at: SocketAddr) {
        self.0.lock().unwrap().listeners.remove(&at);
    }

    /// How often somebody tried to connect there.
    pub fn connects(&self, to: SocketAddr) -> usize {
        let state = self.0.lock().unwrap();
        state.connects.get(&to).copied().unwrap_or_default()
    }
}

impl Connector for Net {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let to = address.socket_addr().expect("no names on this network");
        let mut state = self.0.lock().unwrap();
        *state.connects.entry(to).or_default() += 1;
        let (near, far) = duplex(64 * 1024);
        let accepted = match state.listeners.get(&to) {
            Some(listener) => listener.send(far).is_ok(),
            None => false,
        };
        Box::pin(async move {
            if accepted {
                Ok(Transport::new(near))
            } else {
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, "refused"))
            }
        })
    }
}

/// The same network for tonic's own transport.
#[derive(Clone)]
pub struct TonicConnector(pub Net);

impl tower_service::Service<http::Uri> for TonicConnector {
    type Response = hyper_util::rt::TokioIo<Transport>;
    type Error = io::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let at = uri.authority().unwrap().as_str().parse().unwrap();
        let connect = self.0.connect(&Address::new(at));
        Box::pin(async move { connect.await.map(hyper_util::rt::TokioIo::new) })
    }
}

/// Stands in front of somebody, and can fall silent without closing anything, as a host
/// that loses power does.
pub struct Proxy {
    frozen: tokio::sync::watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub fn start(net: &Net, at: SocketAddr, to: SocketAddr) -> Self {
        let (frozen, state) = tokio::sync::watch::channel(false);
        let mut incoming = net.listen(at);
        let net = net.clone();
        let task = tokio::spawn(async move {
            let mut pumps = tokio::task::JoinSet::new();
            while let Some(mut near) = incoming.recv().await {
                let mut state = state.clone();
                let connect = net.connect(&Address::new(to));
                pumps.spawn(async move {
                    if *state.borrow_and_update() {
                        std::future::pending::<()>().await;
                    }
                    let Ok(mut far) = connect.await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.changed() => std::future::pending::<()>().await,
                    }
                });
            }
        });
        Self { frozen, task }
    }

    /// From now on, nothing passes on the connections there are, and none on new ones.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// New connections work again; the others stay silent.
    pub fn thaw(&self) {
        self.frozen.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
