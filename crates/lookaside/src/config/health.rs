//! `[health]`: how health checks reach backends that expect TLS.

use std::{path::PathBuf, sync::Arc};

use lookaside_server::{NetworkProber, ProbeTls, Probes, TlsError};
use serde::Deserialize;

/// How health checks reach backends that expect TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Health {
    /// What backends' certificates have to lead to. Default: any will do.
    pub(crate) ca: Option<PathBuf>,
    /// What is shown to backends that ask for a certificate. Default: none.
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl Health {
    /// What no single key can tell.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.cert.is_some() == self.key.is_some() {
            Ok(())
        } else {
            Err("health.cert and health.key go together, one is missing".to_owned())
        }
    }

    /// How backends are asked.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub(crate) fn probes(&self) -> Result<Probes, TlsError> {
        let identity = self.cert.as_deref().zip(self.key.as_deref());
        let tls = ProbeTls::load(self.ca.as_deref(), identity)?;
        Ok(Probes::new(Arc::new(NetworkProber::new(tls))))
    }
}
