//! The token of a call: reading it, and checking it.

mod check;
mod counts;
mod layer;
mod mode;
mod refusal;

use http::{HeaderMap, HeaderValue};
use lookaside_core::strip_variant;
use lookaside_proto::LB_TOKEN_HEADER;

pub use self::{
    check::{TokenCheck, TokenCheckBuilder, TokenCheckError},
    counts::TokenCounts,
    layer::{LbTokenFuture, LbTokenLayer, LbTokenService},
    mode::{TokenMode, TokenModeError},
    refusal::TokenRefusal,
};

/// The token of a call: which slot of which list the client picked. A call without one
/// did not come through a balancer's list (the client is in fallback, or dialled the
/// backend itself).
///
/// Nothing is verified here: a client can send any token it likes. See [`TokenCheck`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LbToken(HeaderValue);

impl LbToken {
    /// The token of a call. Allocates nothing.
    ///
    /// ```
    /// # use lookaside_agent::LbToken;
    /// fn log<T>(request: &tonic::Request<T>) {
    ///     if let Some(token) = LbToken::of(request) {
    ///         println!("came by {}", token.identity());
    ///     }
    /// }
    /// ```
    pub fn of<T>(request: &tonic::Request<T>) -> Option<Self> {
        Self::from_headers(request.metadata().as_ref())
    }

    /// The token among a call's headers. Allocates nothing: the bytes are shared.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(LB_TOKEN_HEADER)?;
        // No token has other characters: what is not printable ASCII is none.
        value.to_str().ok()?;
        Some(Self(value.clone()))
    }

    /// As received, with the variant that some first slots carry.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Without the variant: the same for every call that a list sends to this backend.
    pub fn identity(&self) -> &str {
        strip_variant(self.as_str())
    }
}

#[cfg(test)]
mod tests;
