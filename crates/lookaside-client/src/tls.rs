use std::{fmt, sync::Arc};

pub use lookaside_tls::{ClientTls, ClientTlsBuilder, ClientTlsError, Identity, TlsFiles};

use crate::{Address, ConnectFuture, Connector, Endpoint, TcpConnector, Transport};

/// TLS. A peer must have a certificate for the host by whose name calls to it go: a
/// balancer for its own, a backend for the channel's authority. And it must agree to speak
/// HTTP/2 (ALPN).
///
/// ```no_run
/// use lookaside_client::{Channel, ClientTls, TlsConnector, TlsFiles};
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// // Backends by the system's CAs, balancers by one's own, which follow their files.
/// let backends = ClientTls::builder().system_roots().build()?;
/// let balancers = TlsFiles::new("/etc/pki/lb-ca.pem")
///     .identity("/etc/pki/client.pem", "/etc/pki/client.key")
///     .load()?;
/// let channel = Channel::builder("orders.example.com")
///     .balancers(["lb-1.example.com:7400"])
///     .connector(TlsConnector::new(backends))
///     .balancer_connector(TlsConnector::new(balancers))
///     .build()?;
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsConnector {
    tls: ClientTls,
    over: Arc<dyn Connector>,
}

impl TlsConnector {
    /// TLS over what [`TcpConnector`] connects.
    pub fn new(tls: ClientTls) -> Self {
        Self::over(tls, TcpConnector)
    }

    /// TLS over byte streams of your own.
    pub fn over(tls: ClientTls, connector: impl Connector) -> Self {
        Self {
            tls,
            over: Arc::new(connector),
        }
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl Connector for TlsConnector {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let tls = self.tls.clone();
        let host = host(address);
        let connecting = self.over.connect(address);
        Box::pin(async move {
            let stream = connecting.await?;
            Ok(Transport::secure(tls.connect(&host, stream).await?))
        })
    }
}

/// By whose name the peer is called; where nobody says, what it is reached by.
fn host(address: &Address) -> String {
    match (address.authority(), address.endpoint()) {
        (Some(authority), _) => authority.host().to_owned(),
        (None, Endpoint::Socket(socket)) => socket.ip().to_string(),
        (None, Endpoint::Host { name, .. }) => name.to_string(),
        // As gRPC calls all peers of Unix sockets.
        (None, Endpoint::Unix(_)) => "localhost".to_owned(),
    }
}

#[cfg(test)]
mod tests;
