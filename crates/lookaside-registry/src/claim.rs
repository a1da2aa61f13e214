//! Whose a registration is.
//!
//! Whoever registers makes a [`Claim`]: it holds a secret that proves, later and to any
//! balancer, that it is the same one again. What is recorded with the backend is an
//! [`Owner`], from which the secret cannot be found.

use std::{fmt, sync::Arc};

use lookaside_core::{BackendId, ServiceName};
use sha2::{Digest, Sha256};

use crate::{RegistrarError, Registration, RegistrationError};

/// The shortest secret: 128 bits are guessed by nobody.
pub const MIN_SECRET_BYTES: usize = 16;

/// The longest secret; more than a hash of it would take in adds nothing.
pub const MAX_SECRET_BYTES: usize = 64;

/// Of what is made of secrets: as hard to guess as the shortest of them.
const DIGEST_BYTES: usize = 16;

/// Who registers, and which of its registrations this is.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    secret: Arc<[u8]>,
    identity: Option<Arc<str>>,
    request: Arc<[u8]>,
    sequence: Option<u64>,
}

/// Whose a recorded backend is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    key: [u8; DIGEST_BYTES],
    identity: Option<Arc<str>>,
    sequence: Option<u64>,
}

impl Claim {
    /// A claim of somebody new.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> Result<Self, RegistrarError> {
        Ok(Self {
            secret: random()?,
            identity: None,
            request: random()?,
            sequence: None,
        })
    }

    /// A claim as it came in. One that is empty stands for a new one: whoever sends none
    /// can prove nothing later.
    ///
    /// # Errors
    /// [`RegistrationError::Secret`] outside [`MIN_SECRET_BYTES`] to [`MAX_SECRET_BYTES`],
    /// or no random bytes.
    pub fn received(secret: &[u8], request: &[u8]) -> Result<Self, RegistrarError> {
        Ok(Self {
            secret: checked("owner_secret", secret)?,
            identity: None,
            request: checked("request_id", request)?,
            sequence: None,
        })
    }

    /// With the identity that the network vouches for.
    #[must_use]
    pub fn with_identity(self, identity: Option<Arc<str>>) -> Self {
        Self { identity, ..self }
    }

    /// With its place among the owner's registrations: higher for each, over restarts of
    /// the owner too. None: its place is unknown.
    #[must_use]
    pub fn with_sequence(self, sequence: Option<u64>) -> Self {
        Self { sequence, ..self }
    }

    /// The same owner's claim to another registration, such as the next after one that
    /// is gone. Its sequence is the next.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn another(&self) -> Result<Self, RegistrarError> {
        Ok(Self {
            request: random()?,
            sequence: self.sequence.map(|it| it.saturating_add(1)),
            ..self.clone()
        })
    }

    /// What proves who it is.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// What tells its registrations apart. A request that repeats one is the same
    /// registration again.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Its place among the owner's registrations, if it says.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// What is recorded of it.
    pub fn owner(&self, service: &ServiceName, id: &BackendId) -> Owner {
        Owner {
            key: digest("owner", &[&self.secret], service, id),
            identity: self.identity.clone(),
            sequence: self.sequence,
        }
    }

    /// A name of this one registration that only somebody with the secret can know:
    /// whoever has it may keep and end the registration.
    pub fn key(&self, service: &ServiceName, id: &BackendId) -> [u8; DIGEST_BYTES] {
        digest("handle", &[&self.secret, &self.request], service, id)
    }
}

impl Owner {
    /// From [`Owner::key_text`] and [`Owner::identity`]; `None` for anything else.
    pub fn parse(key: &str, identity: Option<Arc<str>>) -> Option<Self> {
        let digit = |at: usize| char::from(*key.as_bytes().get(at)?).to_digit(16);
        if key.len() != 2 * DIGEST_BYTES {
            return None;
        }
        let mut bytes = [0; DIGEST_BYTES];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(digit(2 * at)? << 4 | digit(2 * at + 1)?).ok()?;
        }
        Some(Self {
            key: bytes,
            identity,
            sequence: None,
        })
    }

    /// With what [`Owner::sequence`] said.
    #[must_use]
    pub fn with_sequence(self, sequence: Option<u64>) -> Self {
        Self { sequence, ..self }
    }

    /// What its secret became, as text.
    pub fn key_text(&self) -> String {
        self.key.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Who it is to the network, where that is known.
    pub fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    /// Which of its owner's registrations it is, where that is known.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Whether `other` may have this owner's registration while it lives. Itself may; so
    /// may a backend that was restarted, and has another secret: at the same address, if
    /// it has the same identity, or once the owner has missed a renewal. As long as an
    /// owner renews, nobody else gets its registration; nor does an earlier request of its
    /// own ([`Owner::outdates`]), which nobody but itself could have made, but anybody
    /// who saw it could send again.
    pub fn yields_to(&self, other: &Self, same_address: bool, missed_renewal: bool) -> bool {
        if self.key == other.key {
            // One secret is one run of its owner, whose sequences no clock moves back.
            return !self.is_after(other);
        }
        // Of two runs the clock may have gone back between: it counts for less.
        let next = self.is_same_identity(other) && !self.is_after(other);
        same_address && (next || missed_renewal)
    }

    /// The refusal of an earlier request of the same owner, if it is for that that this
    /// one does not yield to it: [`RegistrarError::Outdated`].
    pub fn outdates(
        &self,
        other: &Self,
        registration: &Registration,
        same_address: bool,
    ) -> Option<RegistrarError> {
        let same = self.key == other.key || same_address && self.is_same_identity(other);
        let (latest, sequence) = self.sequence.zip(other.sequence)?;
        (same && self.is_after(other)).then(|| RegistrarError::Outdated {
            service: registration.service.clone(),
            id: registration.id.clone(),
            sequence,
            latest,
        })
    }

    fn is_same_identity(&self, other: &Self) -> bool {
        self.identity.is_some() && self.identity == other.identity
    }

    fn is_after(&self, other: &Self) -> bool {
        let both = self.sequence.zip(other.sequence);
        both.is_some_and(|(mine, others)| mine > others)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.identity().unwrap_or("somebody else"))
    }
}

// A secret is not for logs.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = &self.identity;
        f.debug_struct("Claim")
            .field("identity", identity)
            .finish_non_exhaustive()
    }
}

fn random() -> Result<Arc<[u8]>, RegistrarError> {
    let mut bytes = [0; MIN_SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        RegistrarError::Unavailable(format!("no random bytes for a secret: {error}").into())
    })?;
    Ok(bytes.into())
}

fn checked(field: &'static str, bytes: &[u8]) -> Result<Arc<[u8]>, RegistrarError> {
    match bytes.len() {
        0 => random(),
        MIN_SECRET_BYTES..=MAX_SECRET_BYTES => Ok(bytes.into()),
        len => Err(RegistrationError::Secret { field, len }.into()),
    }
}

/// Each part is written with its length, so that no two lists of parts look alike.
fn digest(
    purpose: &str,
    secrets: &[&[u8]],
    service: &ServiceName,
    id: &BackendId,
) -> [u8; DIGEST_BYTES] {
    let mut hash = Sha256::new();
    let names = [service.as_str().as_bytes(), id.as_str().as_bytes()];
    let parts = [b"lookaside registration", purpose.as_bytes()];
    for part in parts.iter().chain(secrets).chain(&names) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; DIGEST_BYTES];
    bytes.copy_from_slice(&hash.finalize()[..DIGEST_BYTES]);
    bytes
}

#[cfg(test)]
mod tests;
