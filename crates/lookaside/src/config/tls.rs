use std::path::PathBuf;

use lookaside_server as server;

use super::{Config, schema::Tls, values::ClientCertificates};

impl Tls {
    /// What no single key can tell.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.cert.is_some() != self.key.is_some() {
            return Err("tls.cert and tls.key go together, one is missing".to_owned());
        }
        if self.client_ca.is_some() && self.cert.is_none() {
            return Err("tls.client_ca asks for tls.cert and tls.key too".to_owned());
        }
        Ok(())
    }

    /// What the listeners are told; `None`: no TLS.
    pub(super) fn files(&self) -> Option<server::Tls> {
        Some(server::Tls {
            cert: self.cert.clone()?,
            key: self.key.clone()?,
            client_ca: self.client_ca.clone(),
            client_certificates: match self.client_certificates {
                ClientCertificates::Require => server::ClientCertificates::Require,
                ClientCertificates::Request => server::ClientCertificates::Request,
            },
        })
    }
}

impl Config {
    /// The files with certificates that this names, and the keys that name them.
    pub(crate) fn certificate_files(&self) -> Vec<(&'static str, PathBuf)> {
        let named = [
            ("tls.cert", &self.tls.cert),
            ("tls.client_ca", &self.tls.client_ca),
            ("etcd.ca", &self.etcd.ca),
            ("etcd.cert", &self.etcd.cert),
        ];
        let given = named.into_iter();
        given
            .filter_map(|(key, path)| Some((key, path.clone()?)))
            .collect()
    }
}
