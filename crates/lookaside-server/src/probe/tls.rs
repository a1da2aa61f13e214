use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
        client::{
            WantsClientCert,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
            verify_server_cert_signed_by_trust_anchor,
        },
        crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{
            CertificateDer, PrivateKeyDer, ServerName, UnixTime,
            pem::{self, PemObject},
        },
        server::ParsedCertificate,
    },
};

use super::{
    Target,
    error::{ProbeError, text},
};

const ALPN: &[u8] = b"h2";

/// How probes speak TLS.
///
/// Without roots any certificate will do: a probe tells no secret and asks only whether
/// the backend takes calls; whom to trust with these is for the clients, who verify. With
/// roots the chain has to lead to one of them and to be in its time: a backend whose
/// certificate has expired takes no calls. Its names are not looked at, because clients
/// expect that of the service, which the balancer does not know.
#[derive(Clone)]
pub struct ProbeTls {
    connector: TlsConnector,
}

/// Why the files of [`ProbeTls`] cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{}: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error("{}: there is no certificate in it", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Certificates or key are not usable.
    #[error("{}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl ProbeTls {
    /// Reads PEM files: the roots that backends' certificates have to lead to, if any, and
    /// the certificate (with its chain) and the key to show to backends that ask for one.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn load(ca: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<Self, TlsError> {
        let roots = ca.map(roots).transpose()?;
        let builder = builder(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = certificates(cert)?;
                let private =
                    PrivateKeyDer::from_pem_file(key).map_err(|source| unreadable(key, source))?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|source| unusable(cert, source))?
            }
        };
        Ok(Self::of(config))
    }

    fn of(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![ALPN.to_vec()];
        Self {
            connector: TlsConnector::from(Arc::new(config)),
        }
    }

    /// The handshake with a backend.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        target: &Target,
    ) -> Result<TlsStream<TcpStream>, ProbeError> {
        // A name that TLS cannot carry is not sent, as an IP address is not.
        let named = target.host().map(str::to_owned).map(ServerName::try_from);
        let name = match named {
            Some(Ok(name)) => name,
            _ => ServerName::from(target.addr().ip()),
        };
        let connected = self.connector.connect(name, stream).await;
        let stream = connected.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ProbeError::Tls("it hung up".into()),
            _ => ProbeError::Tls(text(error)),
        })?;
        match stream.get_ref().1.alpn_protocol() {
            // Older servers do not say what they speak.
            None | Some(ALPN) => Ok(stream),
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                Err(ProbeError::Tls(text(format!("it speaks {other}, not h2"))))
            }
        }
    }
}

impl Default for ProbeTls {
    /// Any certificate will do, and none is shown.
    fn default() -> Self {
        Self::of(builder(None).with_no_client_auth())
    }
}

impl fmt::Debug for ProbeTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeTls").finish_non_exhaustive()
    }
}

fn builder(roots: Option<RootCertStore>) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        roots,
        algorithms: provider.signature_verification_algorithms,
    };
    #[expect(
        clippy::expect_used,
        reason = "it fails for a provider without a cipher suite for a version; ring has some for each"
    )]
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |source| unreadable(path, source);
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(read)?
        .collect::<Result<_, _>>()
        .map_err(read)?;
    if all.is_empty() {
        return Err(TlsError::NoCertificate { path: path.into() });
    }
    Ok(all)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| unusable(path, source))?;
    }
    Ok(roots)
}

fn unreadable(path: &Path, source: pem::Error) -> TlsError {
    TlsError::Pem {
        path: path.into(),
        source,
    }
}

fn unusable(path: &Path, source: rustls::Error) -> TlsError {
    TlsError::Unusable {
        path: path.into(),
        source,
    }
}

/// What [`ProbeTls`] asks of a backend's certificate.
#[derive(Debug)]
struct Verifier {
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                algorithms,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
