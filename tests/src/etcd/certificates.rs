//! Certificates for tests of TLS.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

/// PEM files of one side. Members ask clients for certificates.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The authority to trust.
    pub ca: PathBuf,
    /// Our own certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Signs certificates for 127.0.0.1, and writes them where it was told to.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    ca: PathBuf,
}

impl Authority {
    /// A new one, with its files in `dir`; `name` keeps apart those of several.
    pub fn new(dir: &Path, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let ca = dir.join(format!("{name}.pem"));
        std::fs::write(&ca, certificate.pem()).expect("a file");
        Self {
            dir: dir.to_owned(),
            issuer: Issuer::new(params, key),
            ca,
        }
    }

    /// A certificate, good for both sides.
    pub fn sign(&self, name: &str) -> Tls {
        let key = KeyPair::generate().expect("a key");
        let mut leaf = CertificateParams::new([]).expect("no names");
        leaf.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
        let cert = leaf.signed_by(&key, &self.issuer).expect("a certificate");
        let file = |kind: &str, text: String| {
            let path = self.dir.join(format!("{name}-{kind}.pem"));
            std::fs::write(&path, text).expect("a file");
            path
        };
        Tls {
            ca: self.ca.clone(),
            cert: file("cert", cert.pem()),
            key: file("key", key.serialize_pem()),
        }
    }
}
