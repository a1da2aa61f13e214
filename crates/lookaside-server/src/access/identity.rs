use std::{fmt, net::IpAddr};

use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

/// A name that a verified client certificate gives its holder: a subject alternative
/// name. The common name is not one: it has no type, and RFC 6125 retired it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// As in `spiffe://example.org/team-a/checkout`.
    Uri(Box<str>),
    /// A host name, in lower case.
    Dns(Box<str>),
    Ip(IpAddr),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(name) | Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// A client's certificate, verified.
pub(crate) struct Certificate<'a>(EndEntityCert<'a>);

impl<'a> Certificate<'a> {
    /// `None` for what no verifier would have let pass.
    pub(crate) fn new(verified: &'a CertificateDer<'a>) -> Option<Self> {
        EndEntityCert::try_from(verified).ok().map(Self)
    }

    /// Its names. webpki, which rustls verifies with, lists host names and URIs; of
    /// addresses it only tells whether one of `addresses` is in it, which is all that
    /// rules ask.
    pub(crate) fn identities(&self, addresses: impl Iterator<Item = IpAddr>) -> Vec<Identity> {
        let uris = self.0.valid_uri_names().map(|it| Identity::Uri(it.into()));
        let hosts = self.0.valid_dns_names();
        let hosts = hosts.map(|it| Identity::Dns(it.to_ascii_lowercase().into()));
        let certified = |address: &IpAddr| {
            let name = ServerName::IpAddress((*address).into());
            self.0.verify_is_valid_for_subject_name(&name).is_ok()
        };
        let addresses = addresses.filter(certified).map(Identity::Ip);
        uris.chain(hosts).chain(addresses).collect()
    }
}
