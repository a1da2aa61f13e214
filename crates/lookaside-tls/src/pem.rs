use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use crate::ClientTlsError;

/// The certificates in a text in PEM, each in DER.
///
/// # Errors
/// When it is no PEM, or holds no certificate.
pub fn certificates_in(pem: &[u8]) -> Result<Vec<Vec<u8>>, ClientTlsError> {
    let found = certificates("certificate", pem)?;
    Ok(found.into_iter().map(|it| it.to_vec()).collect())
}

pub(crate) fn certificates(
    what: &str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, ClientTlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| ClientTlsError::new(what, found(&error, "no certificate")))?;
    if certificates.is_empty() {
        return Err(ClientTlsError::new(what, "no certificate in PEM"));
    }
    Ok(certificates)
}

pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, ClientTlsError> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|error| ClientTlsError::new("key", found(&error, "no private key")))
}

fn found(error: &pem::Error, nothing: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("{nothing} in PEM"),
        other => format!("broken PEM: {other}"),
    }
}
