use std::{fmt, io, time::Duration};

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

/// Why a connection did not come to speak TLS, in the words of whoever has to mend it.
#[derive(Debug)]
pub(crate) enum HandshakeFailure {
    /// It was closed without a word, as probes of a port do.
    Silence,
    /// It speaks HTTP or something else without TLS.
    Plaintext,
    /// It took too long.
    Slow(Duration),
    /// TLS failed.
    Tls(Error),
    /// The connection did.
    Io(io::Error),
}

impl HandshakeFailure {
    pub(super) fn from_io(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
        match tls {
            Some(tls) => Self::Tls(tls.clone()),
            None => Self::Io(error),
        }
    }

    /// All that [`HandshakeFailure::kind`] says.
    pub(crate) const KINDS: [&str; 9] = [
        "silence",
        "plaintext",
        "slow",
        "refused_by_client",
        "no_client_certificate",
        "unknown_ca",
        "bad_client_certificate",
        "tls",
        "io",
    ];

    /// As a label: few, and fixed.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Plaintext => "plaintext",
            Self::Slow(_) => "slow",
            Self::Tls(Error::AlertReceived(_)) => "refused_by_client",
            Self::Tls(Error::NoCertificatesPresented) => "no_client_certificate",
            Self::Tls(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => "unknown_ca",
            Self::Tls(Error::InvalidCertificate(_)) => "bad_client_certificate",
            Self::Tls(_) => "tls",
            Self::Io(_) => "io",
        }
    }

    /// Whether it tells of something to mend. Connections that end early do not: balancers
    /// of TCP, port scanners and clients that changed their mind make them all day.
    pub(crate) fn is_telling(&self) -> bool {
        !matches!(self, Self::Silence | Self::Io(_))
    }
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("it closed the connection without a word"),
            Self::Plaintext => f.write_str(
                "it speaks without TLS to a port that has TLS: give it the CA of this balancer",
            ),
            Self::Slow(limit) => write!(f, "its handshake was not done within {limit:?}"),
            Self::Tls(Error::AlertReceived(alert)) => {
                write!(
                    f,
                    "it does not accept this balancer's certificate ({alert:?})"
                )?;
                if *alert == AlertDescription::UnknownCA {
                    f.write_str(": it does not know the CA")?;
                }
                Ok(())
            }
            Self::Tls(Error::NoCertificatesPresented) => {
                f.write_str("it has no certificate, and tls.client_ca asks for one")
            }
            Self::Tls(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                f.write_str("its certificate is of no CA in tls.client_ca")
            }
            Self::Tls(Error::InvalidCertificate(CertificateError::BadSignature)) => f.write_str(
                "its certificate is of no CA in tls.client_ca: one of that name has another key",
            ),
            Self::Tls(Error::InvalidCertificate(reason)) => {
                write!(f, "its certificate is not valid: {reason}")
            }
            Self::Tls(Error::NoApplicationProtocol) => {
                f.write_str("it does not offer HTTP/2 (ALPN h2)")
            }
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::Io(error) => write!(f, "connection: {error}"),
        }
    }
}
