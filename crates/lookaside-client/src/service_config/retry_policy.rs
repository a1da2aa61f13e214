use std::time::Duration;

use tonic::Code;

use super::{JsonError, Node};

/// A client does not make more attempts than this, whatever it is configured to: a config
/// that comes from DNS must not multiply a service's load (A6).
const MAX_ATTEMPTS: u32 = 5;

/// How a wait differs from the one computed, at random, in either direction (A6).
const JITTER: f64 = 0.2;

/// Which calls are tried again, how often and when (A6).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RetryPolicy {
    /// With the first one; 2 to 5.
    pub(crate) max_attempts: u32,
    initial_backoff: Duration,
    max_backoff: Duration,
    backoff_multiplier: f64,
    /// A bit per code.
    retryable: u32,
}

impl RetryPolicy {
    pub(super) fn parse(node: &Node<'_>) -> Result<Self, JsonError> {
        let attempts = node.required("maxAttempts")?;
        let max_attempts = match attempts.count() {
            Ok(n @ 2..) => u32::try_from(n).unwrap_or(MAX_ATTEMPTS).min(MAX_ATTEMPTS),
            _ => return Err(attempts.expected("a whole number from 2")),
        };
        let codes = node.required("retryableStatusCodes")?;
        let mut retryable = 0;
        for code in codes.list("a list of status codes")? {
            retryable |= bit(status_code(&code)?);
        }
        if retryable == 0 {
            return Err(codes.expected("at least one status code"));
        }
        Ok(Self {
            max_attempts,
            initial_backoff: node.required("initialBackoff")?.positive_duration()?,
            max_backoff: node.required("maxBackoff")?.positive_duration()?,
            backoff_multiplier: node.required("backoffMultiplier")?.positive()?,
            retryable,
        })
    }

    pub(crate) fn is_retryable(&self, code: Code) -> bool {
        self.retryable & bit(code) != 0
    }

    /// The wait before the `n`th retry in a row whose time the server did not name, the
    /// first being 1.
    pub(crate) fn backoff(&self, n: u32, rng: &mut fastrand::Rng) -> Duration {
        let exponent = i32::try_from(n.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = self.initial_backoff.as_secs_f64() * self.backoff_multiplier.powi(exponent);
        let wait = wait.min(self.max_backoff.as_secs_f64());
        let jitter = 1.0 + JITTER * (2.0 * rng.f64() - 1.0);
        Duration::try_from_secs_f64(wait * jitter).unwrap_or(self.max_backoff)
    }
}

fn bit(code: Code) -> u32 {
    1 << (code as u32)
}

/// By its number or, in any case, its name. OK is no failure that could be tried again.
fn status_code(node: &Node<'_>) -> Result<Code, JsonError> {
    let expected = || node.expected("a status code other than OK, by name or number");
    let code = if let Ok(name) = node.string("") {
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, code)| *code)
    } else {
        let number = node.count().map_err(|_| expected())?;
        i32::try_from(number)
            .ok()
            .map(Code::from_i32)
            // It makes UNKNOWN of what it does not know.
            .filter(|code| *code as u64 == number)
    };
    code.filter(|code| *code != Code::Ok).ok_or_else(expected)
}

const NAMES: [(&str, Code); 16] = [
    ("CANCELLED", Code::Cancelled),
    ("UNKNOWN", Code::Unknown),
    ("INVALID_ARGUMENT", Code::InvalidArgument),
    ("DEADLINE_EXCEEDED", Code::DeadlineExceeded),
    ("NOT_FOUND", Code::NotFound),
    ("ALREADY_EXISTS", Code::AlreadyExists),
    ("PERMISSION_DENIED", Code::PermissionDenied),
    ("RESOURCE_EXHAUSTED", Code::ResourceExhausted),
    ("FAILED_PRECONDITION", Code::FailedPrecondition),
    ("ABORTED", Code::Aborted),
    ("OUT_OF_RANGE", Code::OutOfRange),
    ("UNIMPLEMENTED", Code::Unimplemented),
    ("INTERNAL", Code::Internal),
    ("UNAVAILABLE", Code::Unavailable),
    ("DATA_LOSS", Code::DataLoss),
    ("UNAUTHENTICATED", Code::Unauthenticated),
];

#[cfg(test)]
mod tests;
