use lookaside_core::TokenFault;
use tonic::Status;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It has no token, and one is required.
    #[error("lb-token: it is missing, and this backend takes only calls that a balancer sends")]
    Missing,
    /// Its token is invalid.
    #[error("lb-token: {0}")]
    Invalid(#[from] TokenFault),
}

/// PERMISSION_DENIED: it is not the client's identity that is in doubt, and another try
/// would not help.
impl From<TokenRefusal> for Status {
    fn from(refusal: TokenRefusal) -> Self {
        Self::permission_denied(refusal.to_string())
    }
}
