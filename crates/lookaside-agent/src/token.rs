use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Request};
use lookaside_core::strip_variant;
use lookaside_proto::LB_TOKEN_HEADER;
use tower_layer::Layer;
use tower_service::Service;

/// The token of a call: which slot of which list the client picked. A call without one
/// did not come through a balancer's list (the client is in fallback, or dialled the
/// backend itself).
///
/// Nothing is verified: a client can send any token it likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LbToken(HeaderValue);

impl LbToken {
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

/// A tower layer that puts the [`LbToken`] of a call, where it has one, into the
/// request's extensions.
///
/// ```
/// # use lookaside_agent::LbToken;
/// fn token_of<T>(request: &tonic::Request<T>) -> Option<&LbToken> {
///     request.extensions().get()
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LbTokenLayer(());

impl LbTokenLayer {
    /// A layer that looks and lets every call pass.
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for LbTokenLayer {
    type Service = LbTokenService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LbTokenService { inner }
    }
}

/// What [`LbTokenLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct LbTokenService<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for LbTokenService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(token) = LbToken::from_headers(request.headers()) {
            request.extensions_mut().insert(token);
        }
        self.inner.call(request)
    }
}

// Server builders ask a service for its name through every layer.
impl<S: tonic::server::NamedService> tonic::server::NamedService for LbTokenService<S> {
    const NAME: &'static str = S::NAME;
}

#[cfg(test)]
mod tests;
