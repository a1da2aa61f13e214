use std::{future::Future, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::CertificateDer},
    server::TlsStream,
};

use super::{HandshakeFailure, is_tls};

/// How long a handshake may take, from the accepted connection on. Two round trips and
/// some arithmetic; ten seconds leave room for lost packets and for ten thousand clients
/// that come at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one may take while others wait for their turn: peers that begin handshakes
/// and stall must not keep the others out.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

/// How many may be under way, each of which holds some 30 kB. Peers that have said nothing
/// yet do not count, and hold next to nothing.
const MAX_HANDSHAKES: usize = 1024;

/// How much ciphertext may wait for a peer to read. With rustls' own 64 kB several old lists
/// would wait before the newest.
const BUFFER_BYTES: usize = 16 * 1024;

/// Takes connections of one port into TLS.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    config: Arc<ArcSwap<ServerConfig>>,
    turns: Arc<Semaphore>,
}

/// A connection that has TLS now.
#[derive(Debug)]
pub(crate) struct Secured {
    /// Boxed: it has some kilobytes, and moves a few times.
    pub(crate) stream: Box<TlsStream<TcpStream>>,
}

impl Secured {
    /// The client's certificate, which has been verified.
    pub(crate) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.stream.get_ref().1.peer_certificates()?.first()
    }
}

/// Places for handshakes, which both ports share.
pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_HANDSHAKES))
}

impl Acceptor {
    pub(super) fn new(config: Arc<ArcSwap<ServerConfig>>, turns: Arc<Semaphore>) -> Self {
        Self { config, turns }
    }

    /// Does the handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<Secured, HandshakeFailure> {
        let deadline = Instant::now() + PATIENCE;
        let slow = |_| HandshakeFailure::Slow(PATIENCE);
        let mut first = [0];
        let seen = timeout_at(deadline, stream.peek(&mut first)).await;
        match seen.map_err(slow)?.map_err(HandshakeFailure::from_io)? {
            0 => return Err(HandshakeFailure::Silence),
            _ if !is_tls(first[0]) => return Err(HandshakeFailure::Plaintext),
            _ => {}
        }
        // Never closed.
        let _turn = timeout_at(deadline, self.turns.acquire())
            .await
            .map_err(slow)?;
        let acceptor = TlsAcceptor::from(self.config.load_full());
        let handshake = acceptor.accept_with(stream, |session| {
            session.set_buffer_limit(Some(BUFFER_BYTES));
        });
        let others_wait = || self.turns.available_permits() == 0;
        let stream = patiently(handshake, deadline, others_wait)
            .await
            .map_err(HandshakeFailure::Slow)?
            .map_err(HandshakeFailure::from_io)?;
        Ok(Secured {
            stream: Box::new(stream),
        })
    }
}

/// Waits for a handshake until `deadline`, but no longer than [`SHORT_PATIENCE`] when
/// others want its place.
///
/// # Errors
/// How long it was given.
async fn patiently<T>(
    handshake: impl Future<Output = T>,
    deadline: Instant,
    others_wait: impl Fn() -> bool,
) -> Result<T, Duration> {
    let mut handshake = std::pin::pin!(handshake);
    loop {
        let look = deadline.min(Instant::now() + SHORT_PATIENCE);
        tokio::select! {
            biased;
            done = &mut handshake => return Ok(done),
            () = sleep_until(look) => {}
        }
        if look >= deadline {
            return Err(PATIENCE);
        }
        if others_wait() {
            return Err(SHORT_PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests;
