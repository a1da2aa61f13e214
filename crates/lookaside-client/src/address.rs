use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, uri::Authority};
use lookaside_core::{Host, HostPort, MAX_TOKEN_CHARS};

use crate::Endpoint;

/// Where a subchannel connects to, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    endpoint: Endpoint,
    authority: Option<Authority>,
    token: Option<LbToken>,
    /// Whoever listed it answers for its health.
    vouched_for: bool,
}

impl Address {
    /// A plain address: the channel's authority, no token.
    pub fn new(socket: SocketAddr) -> Self {
        Endpoint::Socket(socket).into()
    }

    /// A host by its name, looked up each time a connection is made, and a port.
    pub fn host(name: impl Into<Arc<str>>, port: u16) -> Self {
        let name = name.into();
        Endpoint::Host { name, port }.into()
    }

    pub(crate) fn from_host(host: &HostPort) -> Self {
        match host.host() {
            Host::Ip(ip) => Self::new(SocketAddr::new(*ip, host.port())),
            Host::Name(name) => Self::host(Arc::clone(name), host.port()),
        }
    }

    /// A Unix socket.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Endpoint::Unix(path.as_ref().into()).into()
    }

    /// Calls over this address carry this `:authority` instead of the channel's.
    #[must_use]
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Calls that pick this address carry this `lb-token`.
    #[must_use]
    pub fn with_token(mut self, token: LbToken) -> Self {
        self.token = Some(token);
        self
    }

    /// Its health is not checked, whatever the channel is told to check: who named it knows
    /// whether it serves. Backends in a balancer's list are such (A17).
    #[must_use]
    pub fn without_health_check(mut self) -> Self {
        self.vouched_for = true;
        self
    }

    /// Whether its health is checked, if the channel checks health at all.
    pub fn is_health_checked(&self) -> bool {
        !self.vouched_for
    }

    /// Where it leads.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The socket address, unless that takes a lookup or there is none.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.endpoint.socket_addr()
    }

    /// The `:authority` of its own, if it has one.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Its `lb-token`, if it has one.
    pub fn token(&self) -> Option<&LbToken> {
        self.token.as_ref()
    }

    /// What decides which connection is used: where it leads, and by whose name.
    pub(crate) fn key(&self) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            authority: self.authority.clone(),
            token: None,
            vouched_for: false,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(socket: SocketAddr) -> Self {
        Self::new(socket)
    }
}

impl From<Endpoint> for Address {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            authority: None,
            token: None,
            vouched_for: false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

/// The token of a slot, ready to be sent: cloning it allocates nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LbToken(HeaderValue);

/// Why a text is no `lb-token`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token {0:?} is not 1 to {MAX_TOKEN_CHARS} printable ASCII characters")]
pub struct LbTokenError(String);

impl LbToken {
    /// Checks a token: 1 to 49 printable ASCII characters (C-core sends no longer ones).
    ///
    /// # Errors
    /// When it is anything else.
    pub fn new(token: &str) -> Result<Self, LbTokenError> {
        let refuse = || LbTokenError(token.to_owned());
        let printable = token.bytes().all(|b| b.is_ascii_graphic());
        if token.is_empty() || token.len() > MAX_TOKEN_CHARS || !printable {
            return Err(refuse());
        }
        let mut text = [0; MAX_TOKEN_CHARS];
        text[..token.len()].copy_from_slice(token.as_bytes());
        // One allocation, counter included; `Bytes` made from a vector would allocate that at
        // the first clone, which is at a pick.
        let bytes = Bytes::from_owner(text).slice(..token.len());
        HeaderValue::from_maybe_shared(bytes)
            .map(Self)
            .map_err(|_| refuse())
    }

    /// The header value to send.
    pub fn header_value(&self) -> &HeaderValue {
        &self.0
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        // Printable ASCII, so never the empty one.
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Debug for LbToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
