use std::{fmt, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, uri::Authority};
use lookaside_core::MAX_TOKEN_CHARS;

/// Where a subchannel connects to, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    socket: SocketAddr,
    authority: Option<Authority>,
    token: Option<LbToken>,
}

impl Address {
    /// A plain address: the channel's authority, no token.
    pub fn new(socket: SocketAddr) -> Self {
        Self {
            socket,
            authority: None,
            token: None,
        }
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

    /// The socket address.
    pub fn socket_addr(&self) -> SocketAddr {
        self.socket
    }

    /// The `:authority` of its own, if it has one.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Its `lb-token`, if it has one.
    pub fn token(&self) -> Option<&LbToken> {
        self.token.as_ref()
    }

    /// What decides which connection is used: all but the token.
    pub(crate) fn without_token(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(socket: SocketAddr) -> Self {
        Self::new(socket)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
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
        let bytes = Bytes::copy_from_slice(token.as_bytes());
        // `Bytes` made from a vector allocates its shared counter at the first clone:
        // here, not at a pick.
        drop(bytes.clone());
        HeaderValue::from_maybe_shared(bytes)
            .map(Self)
            .map_err(|_| refuse())
    }

    /// The header value to send.
    pub fn header_value(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Debug for LbToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// In the extensions of every response: the address that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(SocketAddr);

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// The address.
    pub fn socket_addr(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
