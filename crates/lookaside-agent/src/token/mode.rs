use std::{fmt, str::FromStr};

/// What becomes of calls by their token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenMode {
    /// All calls pass; [`TokenCounts`](super::TokenCounts) says what the other modes would
    /// have done. Written `observe`.
    #[default]
    Observe,
    /// A token that is there and invalid is refused; a call without one passes, because
    /// clients in fallback have none. Written `reject-invalid`.
    RejectInvalid,
    /// A call needs a valid token, which makes fallback impossible. Written `require`.
    Require,
}

/// Why a text names no mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token mode {0:?}: expected observe, reject-invalid or require")]
pub struct TokenModeError(String);

impl FromStr for TokenMode {
    type Err = TokenModeError;

    fn from_str(text: &str) -> Result<Self, TokenModeError> {
        match text {
            "observe" => Ok(Self::Observe),
            "reject-invalid" => Ok(Self::RejectInvalid),
            "require" => Ok(Self::Require),
            _ => Err(TokenModeError(text.to_owned())),
        }
    }
}

impl TokenMode {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::RejectInvalid => "reject-invalid",
            Self::Require => "require",
        }
    }
}

impl fmt::Display for TokenMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
