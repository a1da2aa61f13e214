//! TLS towards a balancer.
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

mod stream;

use std::{fmt, io, sync::Arc};

pub use stream::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{
            CertificateDer, PrivateKeyDer, ServerName,
            pem::{self, PemObject},
        },
    },
};

/// Whom to believe, and what to show of oneself; cheap to clone.
#[derive(Clone)]
pub struct ClientTls(TlsConnector);

/// A client's certificate and its key, in PEM.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The certificate, and what is needed up to its CA.
    pub cert: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
}

/// Why PEM is no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct ClientTlsError {
    /// `CA`, `certificate` or `key`.
    pub what: &'static str,
    /// What was found.
    pub reason: String,
}

impl ClientTls {
    /// Believes balancers whose certificate is of one of the CAs in `ca`, PEM. The
    /// system's CAs are not asked: whoever has a balancer's certificate signed by one of
    /// them names it here.
    ///
    /// # Errors
    /// Says which of the three is wrong, and how.
    pub fn new(ca: &[u8], identity: Option<Identity<'_>>) -> Result<Self, ClientTlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("CA", ca)? {
            roots
                .add(certificate)
                .map_err(|error| wrong("CA", error.to_string()))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("CA", error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { cert, key }) => {
                let chain = certificates("certificate", cert)?;
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|error| wrong("key", found(&error, "no private key")))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| wrong("certificate and key", error.to_string()))?
            }
        };
        // gRPC is HTTP/2.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Takes a connection into TLS, to a balancer that has a certificate for `host`, a name
    /// or an IP address. Takes as long as the peer does: bound it.
    ///
    /// # Errors
    /// What TLS says, such as that the certificate is for another name.
    pub async fn connect<IO>(&self, host: &str, io: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        // An IPv6 address comes out of a URI in brackets.
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let name = ServerName::try_from(bare.unwrap_or(host))
            .map_err(|_| {
                let text = format!("{host:?} is no name that a certificate can be for");
                io::Error::new(io::ErrorKind::InvalidInput, text)
            })?
            .to_owned();
        self.0
            .connect(name, io)
            .await
            .map(TlsStream)
            .map_err(|error| match error.get_ref() {
                Some(_) => io::Error::new(error.kind(), format!("TLS: {error}")),
                None if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let text = "TLS: it hung up in the handshake, as a port without TLS does";
                    io::Error::new(error.kind(), text)
                }
                None => error,
            })
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls")
    }
}

// One half is a secret.
impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

fn certificates(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, ClientTlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(what, found(&error, "no certificate")))?;
    if certificates.is_empty() {
        return Err(wrong(what, "no certificate in PEM".to_owned()));
    }
    Ok(certificates)
}

fn found(error: &pem::Error, nothing: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("{nothing} in PEM"),
        other => format!("broken PEM: {other}"),
    }
}

fn wrong(what: &'static str, reason: String) -> ClientTlsError {
    ClientTlsError { what, reason }
}

#[cfg(test)]
mod tests;
