use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use lookaside_tls::{ClientTls, Identity};

use super::Failure;

/// How a balancer in TLS is verified, and what to show it.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct BalancerTls {
    /// Connect to the balancer in TLS: it needs a certificate of a CA in this PEM file, for
    /// the host by which it is reached
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The certificate to show the balancer, a PEM file
    #[arg(long, value_name = "FILE", requires_all = ["ca", "key"])]
    cert: Option<PathBuf>,

    /// The private key of --cert, a PEM file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl BalancerTls {
    /// Whether it is asked for.
    pub(super) fn is_given(&self) -> bool {
        self.ca.is_some()
    }

    /// The files with certificates, and the flags that name them.
    pub(super) fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let named = [("--ca", &self.ca), ("--cert", &self.cert)];
        let given = named.into_iter();
        given
            .filter_map(|(flag, path)| Some((flag, path.clone()?)))
            .collect()
    }

    /// The flags that are given, with their files.
    fn named(&self) -> String {
        let flags = [
            ("--ca", &self.ca),
            ("--cert", &self.cert),
            ("--key", &self.key),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(flag, path)| Some(format!("{flag} {}", path.as_ref()?.display())));
        given.collect::<Vec<_>>().join(", ")
    }

    /// Reads the files; `None`: no TLS.
    pub(super) fn load(&self) -> Result<Option<ClientTls>, Failure> {
        let Some(ca_path) = &self.ca else {
            return Ok(None);
        };
        let ca = read("--ca", ca_path)?;
        let pair = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((read("--cert", cert)?, read("--key", key)?)),
            _ => None,
        };
        let identity = pair.as_ref().map(|(cert, key)| Identity { cert, key });
        let tls = ClientTls::new(&ca, identity)
            .map_err(|error| Failure::Usage(anyhow!("{}: {error}", self.named())))?;
        Ok(Some(tls))
    }
}

fn read(flag: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .with_context(|| format!("{flag} {}: cannot be read", path.display()))
        .map_err(Failure::Usage)
}
