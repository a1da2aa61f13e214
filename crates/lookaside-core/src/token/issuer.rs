use sha2::{Digest, Sha256};

use super::{Token, variant::ALPHABET};
use crate::{BackendId, ServiceName};

/// Characters of a hash in a token.
const HASH_CHARS: usize = 8;

/// Makes the tokens of backends.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum TokenIssuer {
    /// `0` and the hashes of service and id: says who is meant, proves nothing.
    #[default]
    Unsigned,
}

impl TokenIssuer {
    /// The token of one backend: the same in every process and version.
    pub fn issue(&self, service: &ServiceName, id: &BackendId) -> Token {
        self.for_service(service).issue(id)
    }

    /// For issuing many tokens of one service.
    pub fn for_service(&self, service: &ServiceName) -> ServiceIssuer {
        match self {
            Self::Unsigned => ServiceIssuer {
                service: hash(service.as_str()),
            },
        }
    }
}

/// A [`TokenIssuer`] with the service's part computed once.
#[derive(Clone, Debug)]
pub struct ServiceIssuer {
    service: [u8; HASH_CHARS],
}

impl ServiceIssuer {
    /// As [`TokenIssuer::issue`].
    #[expect(clippy::expect_used, reason = "17 characters of the alphabet")]
    pub fn issue(&self, id: &BackendId) -> Token {
        let mut text = [b'0'; 1 + 2 * HASH_CHARS];
        text[1..=HASH_CHARS].copy_from_slice(&self.service);
        text[1 + HASH_CHARS..].copy_from_slice(&hash(id.as_str()));
        Token::from_ascii(&text).expect("short and printable")
    }
}

fn hash(text: &str) -> [u8; HASH_CHARS] {
    let bits = name_hash(text);
    std::array::from_fn(|i| ALPHABET[(bits >> (42 - 6 * i) & 63) as usize])
}

/// The first 48 bits of SHA-256, eight characters in a token. Of 10,000 ids, two are alike
/// in one of 5 million services.
pub(crate) fn name_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest[..6]
        .iter()
        .fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}
