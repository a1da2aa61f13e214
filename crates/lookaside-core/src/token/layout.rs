//! What the characters of a backend's token stand for (`docs/tokens.md`).

use sha2::{Digest, Sha256};

use super::variant::{ALPHABET, SUFFIX_CHARS};
use crate::{BackendId, MAX_TOKEN_CHARS, ServiceName};

/// The first character of a token that proves nothing.
pub(super) const UNSIGNED: u8 = b'0';
/// The first character of a token with a signature.
pub(super) const SIGNED: u8 = b'1';

/// Characters of a hash, six bits each.
pub(super) const HASH_CHARS: usize = 8;

/// Characters of a signature: the first 96 bits of the MAC. Guessing one takes 2^95 calls
/// on average, and the longest token still has room for a variant.
pub(super) const MAC_CHARS: usize = 16;

pub(super) const UNSIGNED_CHARS: usize = 1 + 2 * HASH_CHARS;
pub(super) const SIGNED_CHARS: usize = UNSIGNED_CHARS + MAC_CHARS;

const _: () = assert!(SIGNED_CHARS + SUFFIX_CHARS <= MAX_TOKEN_CHARS);

/// The hashes of a service and of a backend's id: whom a token names.
pub(super) type Names = [u8; 2 * HASH_CHARS];

/// The signature of a token.
pub(super) type Signature = [u8; MAC_CHARS];

pub(super) fn names(service: &[u8; HASH_CHARS], id: &BackendId) -> Names {
    let mut names = [0; 2 * HASH_CHARS];
    names[..HASH_CHARS].copy_from_slice(service);
    names[HASH_CHARS..].copy_from_slice(&hash(id.as_str()));
    names
}

pub(super) fn hash(text: &str) -> [u8; HASH_CHARS] {
    let bits = name_hash(text);
    std::array::from_fn(|i| ALPHABET[(bits >> (42 - 6 * i) & 63) as usize])
}

/// The first 48 bits of SHA-256, eight characters in a token. Of 10,000 ids, two are alike
/// in one of 5 million services.
pub(crate) fn name_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest[..6]
        .iter()
        .fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}

/// The first 96 bits of a MAC as characters: three bytes are four of them.
pub(super) fn signature(mac: &[u8; 32]) -> Signature {
    std::array::from_fn(|i| {
        let from = i / 4 * 3;
        let bits = mac[from..from + 3]
            .iter()
            .fold(0, |bits, &byte| bits << 8 | u32::from(byte));
        ALPHABET[(bits >> (18 - 6 * (i % 4)) & 63) as usize]
    })
}

/// A backend's token without its variant, taken apart. Nothing is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenParts {
    pub(super) names: Names,
    /// `None`: the token is unsigned.
    pub(super) signature: Option<Signature>,
}

impl TokenParts {
    /// Takes a token apart, with or without a variant. `None` if no balancer makes such
    /// tokens for backends.
    pub fn parse(token: &[u8]) -> Option<Self> {
        let (&first, rest) = super::variant::strip(token).split_first()?;
        let (names, signature) = rest.split_at_checked(2 * HASH_CHARS)?;
        let signature = match (first, signature.len()) {
            (UNSIGNED, 0) => None,
            (SIGNED, MAC_CHARS) => Some(signature.try_into().ok()?),
            _ => return None,
        };
        Some(Self {
            names: names.try_into().ok()?,
            signature,
        })
    }

    /// Whether the token has a signature, genuine or not.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Whether the token names this service.
    pub fn names_service(&self, service: &ServiceName) -> bool {
        self.names[..HASH_CHARS] == hash(service.as_str())
    }

    /// Whether the token names a backend of this id.
    pub fn names_id(&self, id: &BackendId) -> bool {
        self.names[HASH_CHARS..] == hash(id.as_str())
    }
}
