use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

/// Where something listens: a host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: Host,
    port: u16,
}

/// The host of a [`HostPort`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A name to resolve.
    Name(Arc<str>),
}

/// Why a text is no `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No colon, or an IPv6 address without brackets.
    #[error("address {0:?} is not HOST:PORT (an IPv6 address goes in brackets: [::1]:50051)")]
    Form(String),
    /// The port is not 0 to 65535.
    #[error("address {text:?}: {port:?} is not a port number")]
    Port {
        /// The whole text.
        text: String,
        /// The part that should be a port.
        port: String,
    },
    /// The host is empty or has characters that no host name has.
    #[error("address {text:?}: {host:?} is not a host name or IP address")]
    Host {
        /// The whole text.
        text: String,
        /// The part that should be a host.
        host: String,
    },
    /// Nobody can dial it: a wildcard host or port 0.
    #[error("address {0:?} cannot be dialled: it needs a concrete host and a port above 0")]
    NotDialable(String),
}

impl HostPort {
    /// Puts the two together.
    pub fn new(host: Host, port: u16) -> Self {
        Self { host, port }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The socket address, where the host is an IP address.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            Host::Name(_) => None,
        }
    }

    /// This address, if a client could connect to it.
    ///
    /// # Errors
    /// [`AddressError::NotDialable`] for port 0 or a wildcard address.
    pub fn dialable(self) -> Result<Self, AddressError> {
        let wildcard = matches!(self.host, Host::Ip(ip) if ip.is_unspecified());
        if self.port == 0 || wildcard {
            return Err(AddressError::NotDialable(self.to_string()));
        }
        Ok(self)
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::Form(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
        let bad_host = || AddressError::Host {
            text: text.to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
        };
        let host = if let Some(v6) = host.strip_prefix('[') {
            let v6 = v6.strip_suffix(']').ok_or_else(form)?;
            Host::Ip(IpAddr::V6(v6.parse().map_err(|_| bad_host())?))
        } else if host.contains(':') {
            return Err(form());
        } else if let Ok(ip) = host.parse() {
            Host::Ip(ip)
        } else if is_host_name(host) {
            Host::Name(host.into())
        } else {
            return Err(bad_host());
        };
        let port_number = port
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| port.parse().ok())
            .flatten();
        let port = port_number.ok_or_else(|| AddressError::Port {
            text: text.to_owned(),
            port: port.to_owned(),
        })?;
        Ok(Self { host, port })
    }
}

impl FromStr for Host {
    type Err = AddressError;

    /// A name, or an IP address in brackets or not.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if let Ok(ip) = inner.unwrap_or(text).parse() {
            Ok(Self::Ip(ip))
        } else if is_host_name(text) {
            Ok(Self::Name(text.into()))
        } else {
            Err(AddressError::Host {
                text: text.to_owned(),
                host: text.to_owned(),
            })
        }
    }
}

/// RFC 1123 letters, digits, hyphens and dots, and the underscore that real-world
/// names (SRV targets, compose services) have. All digits and dots is a mistyped IPv4
/// address.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let bare = host.strip_suffix('.').unwrap_or(host);
    host.len() <= 253
        && bare.split('.').all(label)
        && !bare.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        Self {
            host: Host::Ip(addr.ip()),
            port: addr.port(),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests;
