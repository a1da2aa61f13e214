use super::{
    KeyRing, Token,
    key::ServiceMac,
    layout::{HASH_CHARS, SIGNED, SIGNED_CHARS, UNSIGNED, UNSIGNED_CHARS, hash, names},
};
use crate::{BackendId, ServiceName};

/// Makes the tokens of backends. Two issuers are equal if they make the same tokens.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TokenIssuer {
    /// `0` and the hashes of service and id: says who is meant, proves nothing.
    #[default]
    Unsigned,
    /// `1`, the hashes, and a signature of service and id under the ring's first key:
    /// whoever has such a token got the backend's address from a balancer.
    Signed(KeyRing),
}

impl TokenIssuer {
    /// The token of one backend: the same in every process and version.
    pub fn issue(&self, service: &ServiceName, id: &BackendId) -> Token {
        self.for_service(service).issue(id)
    }

    /// For issuing many tokens of one service.
    pub fn for_service(&self, service: &ServiceName) -> ServiceIssuer {
        ServiceIssuer {
            service: hash(service.as_str()),
            mac: match self {
                Self::Unsigned => None,
                Self::Signed(ring) => Some(ring.signing().for_service(service)),
            },
        }
    }

    /// The keys, if there are any.
    pub fn keys(&self) -> Option<&KeyRing> {
        match self {
            Self::Unsigned => None,
            Self::Signed(ring) => Some(ring),
        }
    }
}

impl PartialEq for TokenIssuer {
    fn eq(&self, other: &Self) -> bool {
        let signing = |issuer: &Self| issuer.keys().map(|ring| ring.signing().id());
        signing(self) == signing(other)
    }
}

impl Eq for TokenIssuer {}

/// A [`TokenIssuer`] with the service's part computed once.
#[derive(Clone, Debug)]
pub struct ServiceIssuer {
    service: [u8; HASH_CHARS],
    mac: Option<ServiceMac>,
}

impl ServiceIssuer {
    /// As [`TokenIssuer::issue`].
    #[expect(clippy::expect_used, reason = "17 or 33 characters of the alphabet")]
    pub fn issue(&self, id: &BackendId) -> Token {
        let mut text = [UNSIGNED; SIGNED_CHARS];
        text[1..UNSIGNED_CHARS].copy_from_slice(&names(&self.service, id));
        let text = match &self.mac {
            None => &text[..UNSIGNED_CHARS],
            Some(mac) => {
                text[0] = SIGNED;
                text[UNSIGNED_CHARS..].copy_from_slice(&mac.sign(id));
                &text
            }
        };
        Token::from_ascii(text).expect("short and printable")
    }
}

#[cfg(test)]
mod tests;
