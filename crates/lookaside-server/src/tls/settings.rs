use std::path::PathBuf;

/// How the listeners prove who they are, and what they want of clients. PEM files, read
/// again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, and what is needed up to its CA.
    pub cert: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
    /// Whose certificates clients show. Without it they are not asked.
    pub client_ca: Option<PathBuf>,
    /// Whether a client without a certificate is served.
    pub client_certificates: ClientCertificates,
}

/// What becomes of a client without a certificate, where `client_ca` is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It is refused.
    #[default]
    Require,
    /// It is served as far as rules allow it, by its address: probes and scrapers often
    /// have none.
    Request,
}
