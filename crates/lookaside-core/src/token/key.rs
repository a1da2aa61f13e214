use std::{fmt, str::FromStr};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::layout::{self, Signature};
use crate::{BackendId, ServiceName};

/// The shortest key, in bytes: 128 bits are beyond guessing, if they are random.
pub const MIN_KEY_BYTES: usize = 16;

/// What is signed begins with its purpose, so that no signature stands for another.
const FOR_TOKENS: &[u8] = b"lookaside token\0";
const FOR_IDS: &[u8] = b"lookaside key id\0";

/// Padded or not, there is one reading.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret that balancers and backends share, and that signs tokens.
///
/// It is never shown: what stands for it in logs is its [`KeyId`]. The memory is
/// overwritten when it is dropped. Two keys are equal if they sign alike.
#[derive(Clone)]
pub struct Key {
    // HMAC with the key's two blocks already hashed: the key itself is not kept.
    mac: Hmac<Sha256>,
    id: KeyId,
}

/// Names a key without telling it: two keys have the same only if they sign alike.
///
/// Shown as 8 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

/// Why something is no key. It never says what the key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Shorter than [`MIN_KEY_BYTES`].
    #[error("the key has {bytes} bytes, at least {MIN_KEY_BYTES} random ones are needed")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// Hexadecimal digits are base64 too, but stand for other bytes there: whoever wrote
    /// them meant something else than would be read.
    #[error("the key is in hexadecimal, expected base64")]
    Hexadecimal,
    /// Anything else.
    #[error("the key is not base64")]
    NotBase64,
}

impl Key {
    /// A key of these bytes, which should be random.
    ///
    /// # Errors
    /// When there are fewer than [`MIN_KEY_BYTES`].
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn new(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_KEY_BYTES {
            return Err(KeyError::TooShort {
                bytes: secret.len(),
            });
        }
        let mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
        let id = mac.clone().chain_update(FOR_IDS).finalize();
        Ok(Self {
            mac,
            id: KeyId(id.into_bytes().into()),
        })
    }

    /// What stands for it where people read.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// HMAC with what all tokens of a service have in common. Names hold no NUL.
    pub(super) fn for_service(&self, service: &ServiceName) -> ServiceMac {
        let mac = self.mac.clone().chain_update(FOR_TOKENS);
        ServiceMac(mac.chain_update(service.as_str()).chain_update([0]))
    }
}

/// A [`Key`] with the service's part of the message hashed.
#[derive(Clone)]
pub(super) struct ServiceMac(Hmac<Sha256>);

impl ServiceMac {
    pub(super) fn sign(&self, id: &BackendId) -> Signature {
        let mac = self.0.clone().chain_update(id.as_str()).finalize();
        layout::signature(&mac.into_bytes().into())
    }
}

impl FromStr for Key {
    type Err = KeyError;

    /// Reads base64 (RFC 4648 section 4), as `openssl rand -base64 32` prints it.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hexadecimal && text.len() >= 2 * MIN_KEY_BYTES {
            return Err(KeyError::Hexadecimal);
        }
        let secret = BASE64.decode(text).map_err(|_| KeyError::NotBase64)?;
        Self::new(&Zeroizing::new(secret))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl fmt::Debug for ServiceMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceMac")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests;
