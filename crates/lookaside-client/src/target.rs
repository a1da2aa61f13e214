use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode_str;

/// A target URI, `scheme://authority/endpoint` or `scheme:endpoint`, as gRPC's name
/// resolution has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: Box<str>,
    scheme: Box<str>,
    authority: Box<str>,
    path: Box<str>,
}

/// Why a target is not what its scheme expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(Box<str>);

impl TargetError {
    /// An error with this text; which target is wrong is added to it.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }
}

impl Target {
    /// Takes a URI apart; the scheme is case-insensitive, the endpoint percent-decoded.
    ///
    /// # Errors
    /// When there is no scheme, or what is percent-encoded is no UTF-8.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let (scheme, rest) =
            split(text).ok_or_else(|| TargetError::new("it is not SCHEME:ENDPOINT"))?;
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let decode = |part| match percent_decode_str(part).decode_utf8() {
            Ok(decoded) => Ok(Cow::into_owned(decoded).into()),
            Err(_) => Err(TargetError::new(format_args!(
                "{part:?} is not percent-encoded UTF-8"
            ))),
        };
        Ok(Self {
            scheme: scheme.to_ascii_lowercase().into(),
            authority: decode(authority)?,
            path: decode(path)?,
            text: text.into(),
        })
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands between `//` and the next slash; often nothing.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What stands behind the authority, with its leading slash if it has one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the scheme resolves: the path without its leading slash.
    pub fn endpoint(&self) -> &str {
        self.path.strip_prefix('/').unwrap_or(&self.path)
    }

    /// The endpoint, of a target that has no authority.
    ///
    /// # Errors
    /// When there is an authority, or no endpoint; `expected` says what should be there.
    pub fn endpoint_alone(&self, expected: &str) -> Result<&str, TargetError> {
        if !self.authority.is_empty() {
            return Err(TargetError::new(format_args!(
                "the scheme takes no authority, but there is {:?}: expected {}:///{expected}",
                self.authority, self.scheme
            )));
        }
        self.some_endpoint(expected)
    }

    /// The endpoint, if it is not empty.
    pub(crate) fn some_endpoint(&self, expected: &str) -> Result<&str, TargetError> {
        match self.endpoint() {
            "" => Err(TargetError::new(format_args!(
                "there is no endpoint: expected {}:///{expected}",
                self.scheme
            ))),
            endpoint => Ok(endpoint),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The scheme of a text and what follows it, if the text may be a URI. A text like
/// `orders:443` is not: that is a host and its port.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    // RFC 3986 section 3.1.
    let known = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let is_scheme =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(known);
    let is_port = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    (is_scheme && !is_port).then_some((scheme, rest))
}

#[cfg(test)]
mod tests;
