use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use lookaside_core::MAX_NAME_BYTES;

use super::{glob::Glob, identity::Identity, permission::Permissions};

/// Longer ones than any name are a mistake.
const MAX_PATTERN_BYTES: usize = 1024;

/// What some peers may do with some services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    identity: Option<IdentityPattern>,
    address: Option<IpNet>,
    services: Vec<Glob>,
    allow: Permissions,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum IdentityPattern {
    Uri(Glob),
    Dns(Glob),
    Ip(IpAddr),
}

/// Why a rule makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It does not say whom it is for.
    #[error("whom is it for? Give identity, address or both")]
    Nobody,
    /// It does not say what they may do.
    #[error("allow is empty; expected some of balance, register, inspect, control")]
    Nothing,
    /// It names no service.
    #[error("services is empty; leave it out for all services")]
    NoService,
    /// An identity or service that cannot be one.
    #[error("{what} {text:?}: {reason}")]
    Pattern {
        /// `identity` or `services`.
        what: &'static str,
        /// As written.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// No range of addresses.
    #[error("address {0:?} is neither an IP address nor a range like 10.0.0.0/8")]
    Address(String),
    /// A range that is written as if it were another one.
    #[error("address {text:?} has bits beyond its prefix: {network} or {single}?")]
    HostBits {
        /// As written.
        text: String,
        /// The range it lies in.
        network: IpNet,
        /// The address alone.
        single: IpAddr,
    },
    /// Control is for certificates.
    #[error("control needs an identity: an address alone proves too little")]
    ControlByAddress,
}

impl Rule {
    /// A rule for peers with a certificate that has a name like `identity`, or that come
    /// from `address`; where both are given, both must hold. Without `services` it is
    /// for all of them.
    ///
    /// # Errors
    /// Says what is wrong with which part.
    pub fn new<S: AsRef<str>>(
        identity: Option<&str>,
        address: Option<&str>,
        services: Option<&[S]>,
        allow: Permissions,
    ) -> Result<Self, RuleError> {
        if identity.is_none() && address.is_none() {
            return Err(RuleError::Nobody);
        }
        if allow.is_empty() {
            return Err(RuleError::Nothing);
        }
        if identity.is_none() && allow.contains(super::Permission::Control) {
            return Err(RuleError::ControlByAddress);
        }
        let services = match services {
            None => vec![Glob::new("**", b'/')],
            Some([]) => return Err(RuleError::NoService),
            Some(services) => {
                let services = services.iter();
                services
                    .map(|it| service(it.as_ref()))
                    .collect::<Result<_, _>>()?
            }
        };
        Ok(Self {
            identity: identity.map(identity_pattern).transpose()?,
            address: address.map(network).transpose()?,
            services,
            allow,
        })
    }

    /// Whether only certificates can satisfy it.
    pub fn needs_certificate(&self) -> bool {
        self.identity.is_some()
    }

    pub(super) fn allow(&self) -> Permissions {
        self.allow
    }

    /// The address that it wants certified, if it does.
    pub(super) fn certified_address(&self) -> Option<IpAddr> {
        match self.identity {
            Some(IdentityPattern::Ip(address)) => Some(address),
            _ => None,
        }
    }

    pub(super) fn is_for(&self, address: Option<IpAddr>, identities: &[Identity]) -> bool {
        let by_identity = |pattern: &IdentityPattern| {
            identities.iter().any(|identity| match (pattern, identity) {
                (IdentityPattern::Uri(glob), Identity::Uri(name))
                | (IdentityPattern::Dns(glob), Identity::Dns(name)) => glob.matches(name),
                (IdentityPattern::Ip(wanted), Identity::Ip(address)) => wanted == address,
                _ => false,
            })
        };
        let by_address = |network: &IpNet| address.is_some_and(|it| network.contains(&it));
        self.identity.as_ref().is_none_or(by_identity)
            && self.address.as_ref().is_none_or(by_address)
    }

    /// Whether it is for every service there could be: for `**`, whatever else it says.
    pub(super) fn covers_all(&self) -> bool {
        self.services.iter().any(Glob::is_everything)
    }

    pub(super) fn covers(&self, service: &str) -> bool {
        self.services.iter().any(|glob| glob.matches(service))
    }
}

/// A URI has a scheme, an address is one, and everything else is a host name.
fn identity_pattern(text: &str) -> Result<IdentityPattern, RuleError> {
    check("identity", text, MAX_PATTERN_BYTES)?;
    Ok(if text.contains(':') && text.parse::<IpAddr>().is_err() {
        IdentityPattern::Uri(Glob::new(text, b'/'))
    } else if let Ok(address) = text.parse::<IpAddr>() {
        IdentityPattern::Ip(address)
    } else {
        IdentityPattern::Dns(Glob::new(&text.to_ascii_lowercase(), b'.'))
    })
}

fn service(text: &str) -> Result<Glob, RuleError> {
    check("services", text, MAX_NAME_BYTES)?;
    Ok(Glob::new(text, b'/'))
}

fn check(what: &'static str, text: &str, longest: usize) -> Result<(), RuleError> {
    let reason = if text.is_empty() {
        "is empty"
    } else if text.len() > longest {
        "is longer than any name"
    } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        "has white space or a control character, which no name has"
    } else if text.contains("***") {
        "has more than two stars in a row"
    } else {
        return Ok(());
    };
    Err(RuleError::Pattern {
        what,
        text: text.to_owned(),
        reason,
    })
}

/// An address, or a range of them, as peers are looked at.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn network(text: &str) -> Result<IpNet, RuleError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network = text.parse().map(canonical);
    let network = network.map_err(|_| RuleError::Address(text.to_owned()))?;
    if network.trunc() != network {
        return Err(RuleError::HostBits {
            text: text.to_owned(),
            network: network.trunc(),
            single: network.addr(),
        });
    }
    Ok(network)
}

/// A range of IPv4-mapped addresses is one of IPv4: that is how peers are looked at,
/// whichever way the listener writes them. A wider one, as `::/0`, is of IPv6 alone.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    if let IpNet::V6(wide) = network
        && let Some(address) = wide.addr().to_ipv4_mapped()
        && let Some(bits) = wide.prefix_len().checked_sub(MAPPED_BITS)
        && let Ok(range) = Ipv4Net::new(address, bits)
    {
        return range.into();
    }
    network
}

#[cfg(test)]
mod tests;
