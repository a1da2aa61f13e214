use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpStream, time::Instant};

use super::Running;
use crate::{
    access::{Certificate, Peer},
    http::{AdminService, Scrape},
    listener::{Connection, Stop},
    tls::{Acceptor, HandshakeFailure, Secured},
};

impl Running {
    /// Serves a client's connection to its end, in TLS where the port has it. Keeps its
    /// share of what connections there may be until then.
    pub(super) async fn serve_client<Share>(
        self: Arc<Self>,
        stream: TcpStream,
        from: SocketAddr,
        share: Share,
    ) {
        let _share = share;
        let _counted = self.metrics.connection();
        match self.client_tls.clone() {
            None => {
                let peer = self.peer(from, None);
                if self.serve(stream, peer, Some(from.port())).await {
                    self.spoke_tls(from);
                }
            }
            // Boxed: a connection without TLS has no room for it.
            Some(acceptor) => Box::pin(self.serve_secured_client(acceptor, stream, from)).await,
        }
    }

    async fn serve_secured_client(
        self: Arc<Self>,
        acceptor: Acceptor,
        io: TcpStream,
        from: SocketAddr,
    ) {
        match handshake(&acceptor, io, &self.stop).await {
            None => {}
            Some(Ok(secured)) => {
                let peer = self.peer(from, Some(&secured));
                let port = Some(from.port());
                self.serve(secured.stream, peer, port).await;
            }
            Some(Err(failure)) => self.no_handshake(from, &failure),
        }
    }

    /// As [`Running::serve_client`], for an operator.
    pub(super) async fn serve_operator<M: Scrape>(
        self: Arc<Self>,
        metrics: Arc<M>,
        stream: TcpStream,
        from: SocketAddr,
    ) {
        let service = |connection: &_| {
            let client = self.admin_service(connection);
            AdminService::new(client, self.readiness.subscribe(), metrics)
        };
        let (http, stop) = (&self.http, Arc::clone(&self.stop_admin));
        match &self.admin_tls {
            None => {
                let connection = Connection::new(self.peer(from, None), Some(from.port()));
                let connection = Arc::new(connection);
                let service = service(&connection);
                if http.serve_any(stream, service, connection, stop).await {
                    self.spoke_tls(from);
                }
            }
            Some(acceptor) => match handshake(acceptor, stream, &stop).await {
                None => {}
                Some(Ok(secured)) => {
                    let peer = self.peer(from, Some(&secured));
                    let connection = Arc::new(Connection::new(peer, Some(from.port())));
                    let service = service(&connection);
                    http.serve_any(secured.stream, service, connection, stop)
                        .await;
                }
                Some(Err(failure)) => self.no_handshake(from, &failure),
            },
        }
    }

    fn peer(&self, from: SocketAddr, secured: Option<&Secured>) -> Arc<Peer> {
        let certificate = secured.and_then(Secured::certificate);
        let certificate = certificate.and_then(Certificate::new);
        Arc::new(Peer::new(
            &self.access,
            Some(from.ip()),
            certificate.as_ref(),
        ))
    }

    fn no_handshake(&self, peer: SocketAddr, failure: &HandshakeFailure) {
        self.metrics.handshake_failed(failure.kind());
        if !failure.is_telling() {
            tracing::debug!(%peer, %failure, "no TLS");
        } else if let Some(kept_back) = self.seldom.pass(failure.kind(), Instant::now()) {
            tracing::warn!(%peer, kept_back, reason = %failure, "a connection was closed");
        }
    }

    fn spoke_tls(&self, peer: SocketAddr) {
        if let Some(kept_back) = self.seldom.pass("spoke_tls", Instant::now()) {
            tracing::warn!(
                %peer,
                kept_back,
                reason = crate::tls::SPOKE_TLS,
                "a connection was closed: connect without TLS, or set tls.cert and tls.key here"
            );
        }
    }
}

/// Does a handshake, which the end of the balancer cuts short: `None`.
async fn handshake(
    acceptor: &Acceptor,
    stream: TcpStream,
    stop: &Arc<Stop>,
) -> Option<Result<Secured, HandshakeFailure>> {
    tokio::select! {
        biased;
        () = stop.aborted() => None,
        // Boxed: what it needs is gone when it is done.
        done = Box::pin(acceptor.accept(stream)) => Some(done),
    }
}
