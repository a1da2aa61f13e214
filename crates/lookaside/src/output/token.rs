use std::io::{self, Write};

use lookaside_proto::v1::{FindTokenResponse, find_token_response::Signature};
use serde::Serialize;

/// `lookaside token TOKEN --json`
#[derive(Debug, Serialize)]
pub(crate) struct TokenJson<'a> {
    service: &'a str,
    id: &'a str,
    address: &'a str,
    signature: &'static str,
    key: &'a str,
    current: bool,
}

impl<'a> From<&'a FindTokenResponse> for TokenJson<'a> {
    fn from(found: &'a FindTokenResponse) -> Self {
        Self {
            service: &found.service,
            id: &found.id,
            address: &found.address,
            signature: match found.signature() {
                Signature::Unspecified => "unspecified",
                Signature::None => "none",
                Signature::Valid => "valid",
                Signature::UnknownKey => "unknown_key",
            },
            key: &found.key,
            current: found.current,
        }
    }
}

/// Whom a token names in a line, and what it is worth in another.
pub(crate) fn write_token(out: &mut impl Write, found: &FindTokenResponse) -> io::Result<()> {
    let FindTokenResponse {
        service,
        id,
        address,
        key,
        current,
        ..
    } = found;
    writeln!(out, "backend {id} of {service} at {address}")?;
    let signature = match found.signature() {
        Signature::Unspecified | Signature::None => "unsigned: it proves nothing".to_owned(),
        Signature::Valid => format!("signed with key {key}"),
        Signature::UnknownKey => "signed with no key of this balancer: forged, or the key is \
                                  no longer there, or not yet"
            .to_owned(),
    };
    let now = if *current {
        "clients get it now"
    } else {
        "clients get another one now"
    };
    writeln!(out, "{signature}; {now}")
}
