pub use lookaside_tls::{ClientTls, ClientTlsError, Identity};
use tokio::net::TcpStream;

use crate::{Address, ConnectFuture, Connector, Transport};

/// TLS over TCP. A peer must have a certificate for the host by which its address was
/// given: its own authority where it has one, which balancers do, else its IP address.
#[derive(Clone, Debug)]
pub struct TlsConnector(ClientTls);

impl TlsConnector {
    /// Connects with this.
    pub fn new(tls: ClientTls) -> Self {
        Self(tls)
    }
}

impl Connector for TlsConnector {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let tls = self.0.clone();
        let socket = address.socket_addr();
        let host = address.authority().map(|it| it.host().to_owned());
        let host = host.unwrap_or_else(|| socket.ip().to_string());
        Box::pin(async move {
            let stream = TcpStream::connect(socket).await?;
            stream.set_nodelay(true)?;
            Ok(Transport::new(tls.connect(&host, stream).await?))
        })
    }
}
