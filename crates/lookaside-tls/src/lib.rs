//! TLS towards a balancer or a backend.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use lookaside_tls::{ClientTls, Identity};
//!
//! let identity = Identity {
//!     cert: &std::fs::read("client.pem")?,
//!     key: &std::fs::read("client.key")?,
//! };
//! let tls = ClientTls::new(&std::fs::read("ca.pem")?, Some(identity))?;
//! let tcp = tokio::net::TcpStream::connect("lb-1:7400").await?;
//! let stream = tls.connect("lb-1", tcp).await?;
//! # drop(stream);
//! # Ok(())
//! # }
//! ```

mod builder;
mod error;
mod files;
mod pem;
mod stream;

use std::{fmt, io, sync::Arc};

pub use stream::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use self::files::Reloading;
pub use self::{
    builder::{ClientTlsBuilder, Identity},
    error::ClientTlsError,
    files::TlsFiles,
    pem::certificates_in,
};

/// Whom to believe, and what to show of oneself; cheap to clone.
#[derive(Clone)]
pub struct ClientTls(Source);

#[derive(Clone)]
enum Source {
    Fixed(Arc<ClientConfig>),
    Files(Arc<Reloading>),
}

impl ClientTls {
    /// Believes peers whose certificate is of one of the CAs in `ca`, PEM. The system's
    /// CAs are not asked: [`ClientTls::builder`] can do that.
    ///
    /// # Errors
    /// Says which of the three is wrong, and how.
    pub fn new(ca: &[u8], identity: Option<Identity<'_>>) -> Result<Self, ClientTlsError> {
        let builder = Self::builder().ca(ca);
        match identity {
            Some(identity) => builder.identity(identity).build(),
            None => builder.build(),
        }
    }

    /// Puts one together from parts. [`TlsFiles`] makes one that follows its files.
    pub fn builder() -> ClientTlsBuilder {
        ClientTlsBuilder::new()
    }

    fn fixed(config: Arc<ClientConfig>) -> Self {
        Self(Source::Fixed(config))
    }

    fn reloading(files: Reloading) -> Self {
        Self(Source::Files(Arc::new(files)))
    }

    /// Takes a connection into TLS, to a peer that has a certificate for `host`, a name or
    /// an IP address, and that speaks HTTP/2 and says so. A dot at the end of the name is
    /// none of it: certificates have none. Takes as long as the peer does: bound it.
    ///
    /// # Errors
    /// What TLS says, such as for which names the certificate is instead.
    pub async fn connect<IO>(&self, host: &str, io: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        // An IPv6 address comes out of a URI in brackets.
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let bare = bare.unwrap_or(host);
        let name = ServerName::try_from(bare.strip_suffix('.').unwrap_or(bare))
            .map_err(|_| {
                let text = format!("{host:?} is no name that a certificate can be for");
                io::Error::new(io::ErrorKind::InvalidInput, text)
            })?
            .to_owned();
        let config = match &self.0 {
            Source::Fixed(config) => Arc::clone(config),
            Source::Files(files) => files.config().await,
        };
        let stream = TlsConnector::from(config)
            .connect(name, io)
            .await
            .map_err(explain)?;
        // A peer that says nothing may speak HTTP/1.1, and would be talked to in vain: gRPC
        // clients insist.
        if stream.get_ref().1.alpn_protocol() != Some(builder::ALPN) {
            let text = "TLS: it does not offer HTTP/2 (ALPN \"h2\")";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(TlsStream(stream))
    }
}

fn explain(error: io::Error) -> io::Error {
    match error.get_ref() {
        Some(_) => io::Error::new(error.kind(), format!("TLS: {error}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            let text = "TLS: it hung up in the handshake, as a port without TLS does";
            io::Error::new(error.kind(), text)
        }
        None => error,
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls")
    }
}

#[cfg(test)]
mod tests;
