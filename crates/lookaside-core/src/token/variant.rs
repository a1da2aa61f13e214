use std::fmt;

use super::MAX_TOKEN_CHARS;

/// The alphabet of hashes and variants: base64url (RFC 4648 section 5), whose
/// characters need no escape in a header, a URL or a shell.
pub(super) const ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const VARIANT_CHARS: usize = 3;

/// A dot and the variant.
pub(super) const SUFFIX_CHARS: usize = VARIANT_CHARS + 1;

const _: () = assert!(crate::MAX_CATEGORY_CHARS + SUFFIX_CHARS <= MAX_TOKEN_CHARS);

/// What makes the first list of a stream differ from every list that the same client
/// held before: three random characters behind the first slot's token. (C-core ignores
/// a list equal to its last one even on a new stream.)
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variant([u8; VARIANT_CHARS]);

impl Variant {
    /// One of 262,144.
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        Self(std::array::from_fn(|_| {
            ALPHABET[rng.usize(..ALPHABET.len())]
        }))
    }

    pub(super) fn suffix(self) -> [u8; SUFFIX_CHARS] {
        let [a, b, c] = self.0;
        [b'.', a, b, c]
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&c| write!(f, "{}", c as char))
    }
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variant({self})")
    }
}

/// The token without its variant: without a final dot and three characters of the
/// variant's alphabet. A drop's category may end like that by itself, so a reported
/// drop is looked up with [`Drops::find`](crate::Drops::find).
pub fn strip_variant(token: &str) -> &str {
    // What is cut off is ASCII.
    &token[..strip(token.as_bytes()).len()]
}

/// As [`strip_variant`].
pub(super) fn strip(token: &[u8]) -> &[u8] {
    match token.split_last_chunk::<SUFFIX_CHARS>() {
        Some((bare, [b'.', variant @ ..])) if variant.iter().all(|c| ALPHABET.contains(c)) => bare,
        _ => token,
    }
}
