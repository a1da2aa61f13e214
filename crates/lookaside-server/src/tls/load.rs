use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio_rustls::rustls::{
    Error, InconsistentKeys, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use x509_cert::{Certificate, der::Decode};

use super::{ClientCertificates, Tls, TlsFile};

/// Certificates take a few kilobytes; whoever names a device or a log must not fill the
/// memory.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What clients speak, in the words of ALPN. gRPC clients insist on hearing it.
const CLIENT_PORT: &[&[u8]] = &[b"h2"];
/// Operators also come with browsers, scrapers and curl.
const ADMIN_PORT: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Why files are no use for TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFileError {
    /// A file cannot be read.
    #[error("{key} {}: cannot be read: {reason}", path.display())]
    Read {
        /// The setting that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file holds something else.
    #[error("{key} {}: expected {expected}, found {found}", path.display())]
    Content {
        /// The setting that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is in it.
        found: String,
    },
    /// Certificate and key do not belong together.
    #[error("tls.key {} is not the key of the certificate in tls.cert {}", key.display(), cert.display())]
    Mismatch {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
}

const CERT: &str = "tls.cert";
const KEY: &str = "tls.key";
const CLIENT_CA: &str = "tls.client_ca";

impl TlsFileError {
    /// The file it is about; of certificate and key, the key.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Read { path, .. } | Self::Content { path, .. } => path,
            Self::Mismatch { key, .. } => key,
        }
    }

    /// The setting that names it.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Read { key, .. } | Self::Content { key, .. } => key,
            Self::Mismatch { .. } => KEY,
        }
    }
}

/// What is in the files.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<(PathBuf, Vec<u8>)>,
}

impl fmt::Debug for Contents {
    // One of them is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contents")
    }
}

/// What connections are accepted with.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) client_port: Arc<ServerConfig>,
    pub(super) admin_port: Arc<ServerConfig>,
    /// When the first certificate of the chain ends, in Unix time; `None` if none can be
    /// read for it.
    pub(super) ends_at: Option<i64>,
}

impl Loaded {
    /// Whether clients refuse it by now, for its age.
    fn has_ended(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.ends_at
            .is_some_and(|ends_at| u64::try_from(ends_at).unwrap_or(0) < now)
    }

    /// It is used all the same: a client may look at other things than dates, and closing
    /// the port would help nobody. But whoever refuses it says so to itself alone.
    pub(super) fn complain_if_ended(&self, tls: &Tls) {
        if self.has_ended(SystemTime::now()) {
            let path = tls.cert.display();
            tracing::error!(%path, "the certificate (tls.cert) has expired: clients refuse it");
        }
    }
}

impl Contents {
    /// Reads the files. Blocks.
    pub(super) fn read(tls: &Tls) -> Result<Self, TlsFileError> {
        Ok(Self {
            cert: read(CERT, &tls.cert)?,
            key: read(KEY, &tls.key)?,
            client_ca: match &tls.client_ca {
                Some(path) => Some((path.clone(), read(CLIENT_CA, path)?)),
                None => None,
            },
        })
    }

    /// Each file, and whether it says something else than in `other`.
    pub(super) fn compare(&self, other: &Self, tls: &Tls) -> Vec<TlsFile> {
        let file = |key, path: &Path, is_new| TlsFile {
            key,
            path: path.to_owned(),
            is_new,
        };
        let mut files = vec![
            file(CERT, &tls.cert, self.cert != other.cert),
            file(KEY, &tls.key, self.key != other.key),
        ];
        let ca = tls.client_ca.as_deref();
        files.extend(ca.map(|ca| file(CLIENT_CA, ca, self.client_ca != other.client_ca)));
        files
    }

    /// What they amount to.
    pub(super) fn load(&self, tls: &Tls) -> Result<Loaded, TlsFileError> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates(CERT, &tls.cert, &self.cert)?;
        let ends_at = chain.iter().filter_map(|it| ends_at(it)).min();
        let wrong_key = |found: String| TlsFileError::Content {
            key: KEY,
            path: tls.key.clone(),
            expected: "a private key in PEM",
            found,
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| wrong_key(found(&error, "no private key")))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong_key(error.to_string()))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some((path, pem)) => {
                let roots = Arc::new(roots(path, pem)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match tls.client_certificates {
                    ClientCertificates::Require => verifier,
                    ClientCertificates::Request => verifier.allow_unauthenticated(),
                };
                let verifier = verifier
                    .build()
                    .map_err(|error| not_a_ca(path, error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsFileError::Mismatch {
                    cert: tls.cert.clone(),
                    key: tls.key.clone(),
                },
                Error::InvalidCertificate(reason) => TlsFileError::Content {
                    key: CERT,
                    path: tls.cert.clone(),
                    expected: "a certificate in PEM",
                    found: format!("one that is not valid: {reason:?}"),
                },
                error => wrong_key(error.to_string()),
            })?;
        // Connections last for days, so that resuming saves nothing, and a resumed one
        // would not show its certificate again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let speaking = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Loaded {
            client_port: speaking(CLIENT_PORT),
            admin_port: speaking(ADMIN_PORT),
            ends_at,
        })
    }
}

fn ends_at(certificate: &CertificateDer<'_>) -> Option<i64> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let ends = certificate.tbs_certificate().validity().not_after;
    i64::try_from(ends.to_unix_duration().as_secs()).ok()
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsFileError> {
    let mut contents = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut contents))
        .and_then(|_| match contents.len() as u64 > MAX_FILE_BYTES {
            true => Err(io::Error::other("it has more than 1 MiB")),
            false => Ok(()),
        });
    read.map_err(|error| TlsFileError::Read {
        key,
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(contents)
}

fn certificates(
    key: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let wrong = |found| TlsFileError::Content {
        key,
        path: path.to_owned(),
        expected: "certificates in PEM",
        found,
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(found(&error, "no certificate")))?;
    if certificates.is_empty() {
        return Err(wrong("no certificate".to_owned()));
    }
    Ok(certificates)
}

fn roots(path: &Path, pem: &[u8]) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CLIENT_CA, path, pem)? {
        roots
            .add(certificate)
            .map_err(|error| not_a_ca(path, error.to_string()))?;
    }
    Ok(roots)
}

fn not_a_ca(path: &Path, reason: String) -> TlsFileError {
    TlsFileError::Content {
        key: CLIENT_CA,
        path: path.to_owned(),
        expected: "certificates of CAs in PEM",
        found: format!("one that is not usable: {reason}"),
    }
}

fn found(error: &pem::Error, nothing: &str) -> String {
    match error {
        pem::Error::NoItemsFound => nothing.to_owned(),
        other => format!("broken PEM: {other}"),
    }
}

#[cfg(test)]
mod tests;
