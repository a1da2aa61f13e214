use http::uri::Authority;

use crate::BuildError;

/// The authority that was asked for, or the target as one.
pub(super) fn choose(given: Option<&str>, target: &str) -> Result<Authority, BuildError> {
    match given {
        Some(given) => given
            .parse()
            .map_err(|_| BuildError::Authority(given.to_owned())),
        None => from_target(target),
    }
}

/// A service's name may have a slash and other characters that no authority has: those
/// are percent-encoded, as gRPC does with targets.
fn from_target(target: &str) -> Result<Authority, BuildError> {
    if let Ok(authority) = target.parse() {
        return Ok(authority);
    }
    let mut encoded = String::with_capacity(target.len() + 8);
    for byte in target.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
        .parse()
        .map_err(|_| BuildError::Authority(target.to_owned()))
}
