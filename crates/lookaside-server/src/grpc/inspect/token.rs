use std::sync::Arc;

use lookaside_core::{
    Backend, BackendId, Plan, ServiceName, TokenFault, TokenIssuer, TokenParts, TokenVerdict,
    TokenVerifier, strip_variant,
};
use lookaside_proto::v1::{FindTokenResponse, find_token_response::Signature};
use tonic::Status;

use crate::table::{Entry, Published};

/// The backend that a token names, and what its signature is worth.
pub(super) fn find(
    token: &str,
    services: &[Arc<Entry>],
    issuer: &TokenIssuer,
) -> Result<FindTokenResponse, Status> {
    let parts = TokenParts::parse(token.as_bytes()).ok_or_else(|| {
        Status::invalid_argument(format!(
            "token {token:?} is no backend's: expected 0 and 16 characters, or 1 and 32, \
             with or without a variant such as .x1y"
        ))
    })?;
    let named = services
        .iter()
        .filter(|entry| parts.names_service(entry.name()));
    let found = named.into_iter().find_map(|entry| {
        let published = entry.published()?;
        let backend = backend(&parts, &published)?;
        Some(describe(token, entry.name(), &backend, issuer))
    });
    found.ok_or_else(|| {
        Status::not_found("no backend of a service that this balancer knows has this token")
    })
}

/// Also one that has left the registry, as long as it is in the list.
fn backend(parts: &TokenParts, published: &Published) -> Option<Arc<Backend>> {
    let mut registered = published.backends.iter().map(|(backend, _)| backend);
    let named = |id: &BackendId| parts.names_id(id);
    let found = registered.find(|backend| named(&backend.id));
    let listed = || match &*published.plan {
        Plan::List(list) => {
            let mut endpoints = list.endpoints().iter();
            let endpoint = endpoints.find(|endpoint| named(endpoint.id()))?;
            Some(Arc::clone(&endpoint.backend))
        }
        Plan::Fallback(_) => None,
    };
    found.cloned().or_else(listed)
}

fn describe(
    token: &str,
    service: &ServiceName,
    backend: &Backend,
    issuer: &TokenIssuer,
) -> FindTokenResponse {
    let keys = issuer.keys();
    let verifier = TokenVerifier::new(keys.cloned(), [(service, &backend.id)]);
    let (signature, key) = match verifier.verify(token.as_bytes()) {
        TokenVerdict::Valid { key } => {
            let key = keys.and_then(|ring| ring.keys().get(key));
            (Signature::Valid, key)
        }
        TokenVerdict::Invalid(TokenFault::UnknownKey) => (Signature::UnknownKey, None),
        TokenVerdict::Unverified | TokenVerdict::Invalid(_) => (Signature::None, None),
    };
    FindTokenResponse {
        service: service.to_string(),
        id: backend.id.to_string(),
        address: backend.address.to_string(),
        signature: signature.into(),
        key: key.map(|key| key.id().to_string()).unwrap_or_default(),
        current: issuer.issue(service, &backend.id).as_str() == strip_variant(token),
    }
}
