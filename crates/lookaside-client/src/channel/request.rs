use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::USER_AGENT,
    uri::{Authority, PathAndQuery, Scheme},
};
use lookaside_proto::LB_TOKEN_HEADER;

use super::replay::RequestBody;
use crate::LbToken;

/// What a backend knows a balanced call by.
pub(super) const LB_TOKEN: HeaderName = HeaderName::from_static(LB_TOKEN_HEADER);

/// In a request's extensions: whether this call waits for a connection instead of failing
/// while there is none (gRPC's wait-for-ready). Without it the channel's default holds.
///
/// ```
/// use lookaside_client::WaitForReady;
///
/// let mut request = tonic::Request::new(());
/// request.extensions_mut().insert(WaitForReady(true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitForReady(pub bool);

/// What every request of a channel gets.
pub(crate) struct RequestSettings {
    pub(crate) authority: Authority,
    pub(crate) user_agent: HeaderValue,
    pub(crate) wait_for_ready: bool,
}

impl RequestSettings {
    /// What does not depend on where the call goes.
    pub(super) fn complete(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, self.user_agent.clone());
        }
    }

    /// What does: authority and token. `balanced`: only what a balancer said may be sent as
    /// `lb-token`. (A caller that passes on the headers it got would pass on its own token.)
    pub(super) fn address(
        &self,
        request: &mut Request<RequestBody>,
        scheme: Scheme,
        authority: Option<&Authority>,
        token: Option<&LbToken>,
        balanced: bool,
    ) {
        send_to(request, scheme, authority.unwrap_or(&self.authority));
        match token {
            Some(token) => {
                let value = token.header_value().clone();
                request.headers_mut().insert(LB_TOKEN, value);
            }
            None if balanced => {
                request.headers_mut().remove(LB_TOKEN);
            }
            None => {}
        }
    }
}

/// Adds what a URI within HTTP/2 has besides the path.
pub(crate) fn send_to<B>(request: &mut Request<B>, scheme: Scheme, authority: &Authority) {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(scheme);
    uri.authority = Some(authority.clone());
    if uri.path_and_query.is_none() {
        uri.path_and_query = Some(PathAndQuery::from_static("/"));
    }
    // Cannot fail: all three parts are there.
    *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
}
