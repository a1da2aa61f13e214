//! Certificates: a CA, what it signs, and the files a program reads them from.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    SanType,
};
use tempfile::TempDir;
use time::OffsetDateTime;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// A CA, and a directory for its certificates.
#[derive(Debug)]
pub struct Pki {
    dir: TempDir,
    ca: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl Pki {
    /// A new CA of this name.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new([]).expect("no names");
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pki = Self {
            dir: tempfile::tempdir().expect("a directory"),
            ca: ca.self_signed(&key).expect("a certificate").pem(),
            issuer: Issuer::new(ca, key),
        };
        pki.write("ca.pem", &pki.ca);
        pki
    }

    /// A certificate with the names `spiffe://…`, host names and 127.0.0.1, of which all
    /// that are URIs or host names are given.
    pub fn leaf(&self, names: &[&str]) -> Leaf {
        self.leaf_until(names, Duration::from_secs(3600))
    }

    /// One that has expired.
    pub fn expired_leaf(&self, names: &[&str]) -> Leaf {
        let mut params = Self::params(names);
        params.not_before = OffsetDateTime::now_utc() - Duration::from_secs(7200);
        params.not_after = OffsetDateTime::now_utc() - Duration::from_secs(3600);
        self.sign(&params)
    }

    fn leaf_until(&self, names: &[&str], life: Duration) -> Leaf {
        let mut params = Self::params(names);
        params.not_after = OffsetDateTime::now_utc() + life;
        self.sign(&params)
    }

    fn params(names: &[&str]) -> CertificateParams {
        let mut params = CertificateParams::new([]).expect("no names");
        let named = names.iter().map(|name| match name.contains("://") {
            true => SanType::URI((*name).try_into().expect("ASCII")),
            false => SanType::DnsName((*name).try_into().expect("ASCII")),
        });
        params.subject_alt_names = named
            .chain([SanType::IpAddress(Ipv4Addr::LOCALHOST.into())])
            .collect();
        params
    }

    fn sign(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Leaf {
            cert: cert.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Where a file is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same, as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file as whoever rotates certificates does: all at once.
    pub fn write(&self, name: &str, text: &str) {
        let new = self.path(&format!("{name}.new"));
        std::fs::write(&new, text).expect("can be written");
        std::fs::rename(new, self.path(name)).expect("can be renamed");
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub fn write_leaf(&self, name: &str, leaf: &Leaf) {
        self.write(&format!("{name}.key"), &leaf.key);
        self.write(&format!("{name}.pem"), &leaf.cert);
    }

    /// What a tonic client needs to know of this CA, and perhaps shows of itself.
    pub fn client(&self, leaf: Option<&Leaf>) -> ClientTlsConfig {
        let config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.ca));
        match leaf {
            None => config,
            Some(leaf) => config.identity(Identity::from_pem(&leaf.cert, &leaf.key)),
        }
    }
}
