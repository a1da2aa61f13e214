use std::borrow::Borrow;

use subtle::ConstantTimeEq;

use super::{
    Key, KeyRing, TokenParts,
    layout::{Names, Signature, hash, names},
};
use crate::{BackendId, ServiceName};

/// Checks the tokens of the calls that one backend gets, which may be several backends of
/// several services.
///
/// All the hashing is done when it is made. A check allocates nothing, takes no lock, and
/// compares signatures in constant time.
#[derive(Debug)]
pub struct TokenVerifier {
    keys: Option<KeyRing>,
    /// Sorted by names.
    own: Box<[Own]>,
}

/// One backend, as tokens name it.
struct Own {
    names: Names,
    /// One under each key, in their order. Secrets: whoever has one can call.
    signatures: Box<[u128]>,
}

/// What a token says of the call that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenVerdict {
    /// It names this backend, and proves that its list came from a balancer.
    Valid {
        /// Which key of the ring signed it, counting from 0.
        key: usize,
    },
    /// It names this backend, and proves nothing. There is no key to check with.
    Unverified,
    /// It should not have come with this call.
    Invalid(TokenFault),
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum TokenFault {
    /// No balancer makes such tokens for backends.
    #[error("it is no token of a backend")]
    Malformed,
    /// It names another backend: the client has an old list, or another service has been
    /// at this address.
    #[error("it is another backend's")]
    Foreign,
    /// It has no signature, and there are keys: its balancer has none.
    #[error("it is not signed")]
    Unsigned,
    /// No key of the ring made the signature: forged, or made with a key that is no longer
    /// in the ring, or not yet.
    #[error("its signature is of no known key")]
    UnknownKey,
}

impl TokenVerifier {
    /// A verifier for the backends that `own` names, with the keys of a ring or none.
    pub fn new<S, I>(keys: Option<KeyRing>, own: impl IntoIterator<Item = (S, I)>) -> Self
    where
        S: Borrow<ServiceName>,
        I: Borrow<BackendId>,
    {
        let ring = keys.as_ref().map_or(&[][..], KeyRing::keys);
        let own = own.into_iter();
        let mut own: Vec<Own> = own
            .map(|(service, id)| Own::new(service.borrow(), id.borrow(), ring))
            .collect();
        own.sort_by_key(|own| own.names);
        Self {
            own: own.into(),
            keys,
        }
    }

    /// The keys it verifies with.
    pub fn keys(&self) -> Option<&KeyRing> {
        self.keys.as_ref()
    }

    /// What a token says, with or without a variant.
    pub fn verify(&self, token: &[u8]) -> TokenVerdict {
        let Some(token) = TokenParts::parse(token) else {
            return TokenVerdict::Invalid(TokenFault::Malformed);
        };
        // Whom a token names is no secret: this search need not take the same time always.
        let from = self.own.partition_point(|own| own.names < token.names);
        // Hashes may be alike, if only once in the life of a planet.
        let named = self.own[from..].iter();
        let mut named = named.take_while(|own| own.names == token.names).peekable();
        if named.peek().is_none() {
            return TokenVerdict::Invalid(TokenFault::Foreign);
        }
        match (token.signature, &self.keys) {
            (None, None) => TokenVerdict::Unverified,
            (None, Some(_)) => TokenVerdict::Invalid(TokenFault::Unsigned),
            (Some(signature), _) => named
                .find_map(|own| own.signed_by(&signature))
                .map_or(TokenVerdict::Invalid(TokenFault::UnknownKey), |key| {
                    TokenVerdict::Valid { key }
                }),
        }
    }
}

impl Own {
    fn new(service: &ServiceName, id: &BackendId, keys: &[Key]) -> Self {
        Self {
            names: names(&hash(service.as_str()), id),
            signatures: keys
                .iter()
                .map(|key| number(key.for_service(service).sign(id)))
                .collect(),
        }
    }

    /// Which key made this signature. That the time tells which one it was is harmless.
    fn signed_by(&self, signature: &Signature) -> Option<usize> {
        let signature = number(*signature);
        let mut signatures = self.signatures.iter();
        signatures.position(|own| own.ct_eq(&signature).into())
    }
}

/// The 16 characters of a signature are compared in one step.
fn number(signature: Signature) -> u128 {
    u128::from_ne_bytes(signature)
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Own({})", String::from_utf8_lossy(&self.names))
    }
}

#[cfg(test)]
mod tests;
