//! The `load_balance_token` of a slot: what a client sends to the backend as
//! `lb-token`, and what it reports drops under.

mod issuer;
mod key;
mod layout;
mod ring;
mod variant;
mod verifier;

use std::{fmt, str::FromStr};

pub use issuer::{ServiceIssuer, TokenIssuer};
pub use key::{Key, KeyError, KeyId, MIN_KEY_BYTES};
pub use layout::TokenParts;
pub(crate) use layout::name_hash;
pub use ring::{KeyLineError, KeyRing, KeyRingError, MAX_KEYS, parse_keys};
pub use variant::{Variant, strip_variant};
pub use verifier::{TokenFault, TokenVerdict, TokenVerifier};

/// The longest token: C-core keeps 50 bytes with the terminating NUL and sends a
/// longer one not at all.
pub const MAX_TOKEN_CHARS: usize = 49;

/// 1 to [`MAX_TOKEN_CHARS`] printable ASCII characters. Held in place: copying one
/// allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    // Zero beyond `len`, so that the derived order is that of the text.
    bytes: [u8; MAX_TOKEN_CHARS],
    len: u8,
}

/// Why a text is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token {0:?} is not 1 to {MAX_TOKEN_CHARS} printable ASCII characters without spaces")]
pub struct TokenError(String);

impl Token {
    /// Checks a token.
    ///
    /// # Errors
    /// When it is empty, longer than [`MAX_TOKEN_CHARS`], or has anything but printable
    /// ASCII characters.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        Self::from_ascii(text.as_bytes()).ok_or_else(|| TokenError(text.to_owned()))
    }

    fn from_ascii(text: &[u8]) -> Option<Self> {
        if text.is_empty() || !text.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut bytes = [0; MAX_TOKEN_CHARS];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self {
            bytes,
            len: u8::try_from(text.len()).ok()?,
        })
    }

    /// The token as text.
    #[expect(clippy::expect_used, reason = "every constructor checks for ASCII")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("a token is ASCII")
    }

    /// The token as bytes, without the check that [`Token::as_str`] costs.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// This token with a stream's variant behind it. A token without room for one, which
    /// neither a backend's nor a drop's is, stays as it is.
    #[must_use]
    pub fn with_variant(&self, variant: Variant) -> Self {
        let mut text = [0; MAX_TOKEN_CHARS + variant::SUFFIX_CHARS];
        let (head, tail) = text.split_at_mut(usize::from(self.len));
        head.copy_from_slice(self.as_bytes());
        let suffix = variant.suffix();
        tail[..suffix.len()].copy_from_slice(&suffix);
        Self::from_ascii(&text[..usize::from(self.len) + suffix.len()]).unwrap_or(*self)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for Token {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests;
