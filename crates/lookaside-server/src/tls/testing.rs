//! Certificates for tests.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;

use super::{ClientCertificates, Tls};

pub(crate) struct Ca {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
pub(crate) struct Leaf {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new([]).unwrap();
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            pem: ca.self_signed(&key).unwrap().pem(),
            issuer: Issuer::new(ca, key),
        }
    }

    pub(crate) fn leaf(&self, names: &[SanType]) -> Leaf {
        let mut leaf = CertificateParams::new([]).unwrap();
        leaf.subject_alt_names = names.to_vec();
        self.sign(&leaf)
    }

    pub(crate) fn sign(&self, leaf: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        Leaf {
            cert: leaf.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

pub(crate) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub(crate) fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

/// The files of a balancer.
pub(crate) struct Files {
    dir: TempDir,
    pub(crate) tls: Tls,
}

impl Files {
    pub(crate) fn new(leaf: &Leaf, client_ca: Option<&Ca>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| -> PathBuf { dir.path().join(name) };
        let files = Self {
            tls: Tls {
                cert: path("cert.pem"),
                key: path("key.pem"),
                client_ca: client_ca.map(|_| path("ca.pem")),
                client_certificates: ClientCertificates::Require,
            },
            dir,
        };
        files.write("cert.pem", &leaf.cert);
        files.write("key.pem", &leaf.key);
        if let Some(ca) = client_ca {
            files.write("ca.pem", &ca.pem);
        }
        files
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }
}
