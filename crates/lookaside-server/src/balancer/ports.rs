use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

use super::Running;
use crate::{
    Readiness,
    http::Scrape,
    listener::{BoundPort, accept},
    metrics::Crowded,
};

/// How long until a port that somebody else listens on is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Connections to the admin port: operators, their tools and scrapers are few.
const MAX_ADMIN_CONNECTIONS: usize = 1000;

/// Opens the client port when everything has been planned once, and accepts until it is
/// to be closed.
pub(super) async fn client(
    port: BoundPort,
    mut planned: watch::Receiver<Result<(), Arc<str>>>,
    running: Arc<Running>,
) {
    loop {
        let state = planned.borrow_and_update().clone();
        let Err(reason) = state else { break };
        Readiness::NotReady(reason).report(&running.readiness);
        if planned.changed().await.is_err() {
            return;
        }
    }
    let addr = port.addr();
    let listener = loop {
        match port.open() {
            Ok(listener) => break listener,
            // Another process took the port while both were waiting to be ready.
            Err(error) => {
                tracing::error!(address = %addr, %error, "cannot listen");
                let reason = format!("cannot listen on {addr}: {error}").into();
                Readiness::NotReady(reason).report(&running.readiness);
                sleep(RETRY).await;
            }
        }
    };
    drop(port);
    tracing::info!(address = %addr, "serving clients");
    Readiness::Ready.report(&running.readiness);
    accept(
        listener,
        |stream, peer| on_client(&running, stream, peer),
        || running.metrics.connection_refused(Crowded::Descriptors),
    )
    .await;
}

/// What there are too many of is closed and not left waiting: the client goes to the next
/// replica.
fn on_client(running: &Arc<Running>, stream: TcpStream, peer: SocketAddr) {
    let limit = running.max_connections;
    if limit > 0 && running.connections.len() >= limit {
        running.metrics.connection_refused(Crowded::Balancer);
        return;
    }
    let Some(share) = running.connections_of_peers.enter(Some(peer.ip())) else {
        running.metrics.connection_refused(Crowded::Peer);
        return;
    };
    let serve = Arc::clone(running).serve_client(stream, peer, share);
    running.connections.spawn(serve);
}

/// Serves operators.
pub(super) async fn admin<M: Scrape>(
    listener: TcpListener,
    metrics: Arc<M>,
    running: Arc<Running>,
) {
    let on_operator = |stream, peer| {
        if running.admin_connections.len() >= MAX_ADMIN_CONNECTIONS {
            running.metrics.connection_refused(Crowded::Admin);
            return;
        }
        let metrics = Arc::clone(&metrics);
        let serve = Arc::clone(&running).serve_operator(metrics, stream, peer);
        running.admin_connections.spawn(serve);
    };
    let on_shed = || running.metrics.connection_refused(Crowded::Descriptors);
    accept(listener, on_operator, on_shed).await;
}
