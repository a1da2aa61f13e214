use std::{fmt, sync::Arc};

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};

use crate::{ClientTls, ClientTlsError, pem};

/// gRPC is HTTP/2.
pub(crate) const ALPN: &[u8] = b"h2";

/// A client's certificate and its key, in PEM.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The certificate, and what is needed up to its CA.
    pub cert: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
}

// One half is a secret.
impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Puts a [`ClientTls`] together. Nobody is believed unless somebody is named.
#[must_use = "a builder does nothing until it is built"]
pub struct ClientTlsBuilder {
    roots: Result<RootCertStore, ClientTlsError>,
    identity: Option<Result<Pair, ClientTlsError>>,
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl ClientTlsBuilder {
    pub(crate) fn new() -> Self {
        Self {
            roots: Ok(RootCertStore::empty()),
            identity: None,
        }
    }

    /// Believes peers whose certificate is of one of these CAs, PEM. May be repeated.
    pub fn ca(mut self, pem: &[u8]) -> Self {
        self.roots = self.roots.and_then(|mut roots| {
            for certificate in pem::certificates("CA", pem)? {
                roots
                    .add(certificate)
                    .map_err(|error| ClientTlsError::new("CA", error.to_string()))?;
            }
            Ok(roots)
        });
        self
    }

    /// Believes peers whose certificate is of one of the system's CAs, as they are now.
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` say where else they are. Feature `system-roots`.
    #[cfg(feature = "system-roots")]
    pub fn system_roots(mut self) -> Self {
        self.roots = self.roots.and_then(|mut roots| {
            let found = rustls_native_certs::load_native_certs();
            // Some that nobody can read are in many a system's bundle.
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added > 0 {
                return Ok(roots);
            }
            let first = found.errors.first().map(ToString::to_string);
            let reason = first.unwrap_or_else(|| "there are none".to_owned());
            Err(ClientTlsError::new("system CAs", reason))
        });
        self
    }

    /// Shows this to peers that ask for a certificate (mutual TLS). Default: nothing.
    pub fn identity(mut self, identity: Identity<'_>) -> Self {
        let pair = || {
            let chain = pem::certificates("certificate", identity.cert)?;
            Ok((chain, pem::private_key(identity.key)?))
        };
        self.identity = Some(pair());
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// Says what is wrong with what was given; also when nobody is to be believed.
    pub fn build(self) -> Result<ClientTls, ClientTlsError> {
        Ok(ClientTls::fixed(self.config()?))
    }

    pub(crate) fn config(self) -> Result<Arc<ClientConfig>, ClientTlsError> {
        let roots = self.roots?;
        if roots.is_empty() {
            return Err(ClientTlsError::new("CA", "none is given"));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientTlsError::new("CA", error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match self.identity.transpose()? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| ClientTlsError::new("certificate and key", error.to_string()))?,
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for ClientTlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTlsBuilder")
    }
}
