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

/// A service's name may have a slash and other characters that no authority has (gRPC
/// percent-encodes them, which `http` allows only in front of an `@`). They become
/// hyphens: an authority that says something beats none.
fn from_target(target: &str) -> Result<Authority, BuildError> {
    if let Ok(authority) = target.parse() {
        return Ok(authority);
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let host: String = target
        .chars()
        .map(|c| if known(c) { c } else { '-' })
        .collect();
    host.parse()
        .map_err(|_| BuildError::Authority(target.to_owned()))
}
