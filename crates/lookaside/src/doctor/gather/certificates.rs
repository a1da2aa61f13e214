use std::{path::PathBuf, time::Duration};

use anyhow::{Context, anyhow};
use lookaside_core::{Host, HostPort};
use lookaside_tls::{ClientTls, certificates_in};
use tokio::{net::TcpStream, time::timeout};
use x509_cert::der::Decode;

use crate::doctor::facts::{Certificate, CertificateFile};

/// A handshake takes two round trips.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The certificate that a port shows.
pub(super) async fn shown(address: &HostPort, tls: &ClientTls) -> Result<Certificate, String> {
    let handshake = async {
        let host = match address.host() {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.to_string(),
        };
        let tcp = TcpStream::connect(address.to_string()).await?;
        let stream = tls.connect(&host, tcp).await?;
        let shown = stream.peer_certificate().context("it shows none")?;
        parse(shown)
    };
    let outcome = timeout(HANDSHAKE, handshake).await;
    let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("no handshake within {HANDSHAKE:?}")));
    outcome.map_err(|error| format!("{error:#}"))
}

/// All certificates in these files.
pub(super) fn read(files: Vec<(&'static str, PathBuf)>) -> Vec<CertificateFile> {
    let read = |path: &PathBuf| -> anyhow::Result<Vec<Certificate>> {
        let pem = std::fs::read(path)?;
        let found = certificates_in(&pem)?;
        found.iter().map(|der| parse(der)).collect()
    };
    files
        .into_iter()
        .map(|(named_by, path)| CertificateFile {
            named_by,
            read: read(&path).map_err(|error| format!("{error:#}")),
            path: path.display().to_string(),
        })
        .collect()
}

/// What matters of a certificate in DER.
pub(super) fn parse(der: &[u8]) -> anyhow::Result<Certificate> {
    let certificate = x509_cert::Certificate::from_der(der).context("no certificate")?;
    let inner = certificate.tbs_certificate();
    let subject = inner.subject().to_string();
    Ok(Certificate {
        subject: if subject.is_empty() {
            "the certificate".to_owned()
        } else {
            subject
        },
        not_before: inner.validity().not_before.to_system_time(),
        not_after: inner.validity().not_after.to_system_time(),
    })
}
