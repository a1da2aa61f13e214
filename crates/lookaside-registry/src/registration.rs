use std::{fmt, sync::Arc, time::Duration};

use lookaside_core::{AddressError, BackendId, BackendState, HostPort, NameError, ServiceName};

/// The time to live of a registration that asks for none: three renewals fit.
pub const DEFAULT_TTL: Duration = Duration::from_secs(10);

/// Shorter ones would expire in an ordinary pause of a process or a network.
pub const MIN_TTL: Duration = Duration::from_secs(1);

/// Longer ones would keep the dead for days.
pub const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// What a registry issues is far below; a peer may send no more.
pub const MAX_HANDLE_BYTES: usize = 1024;

/// The longest zone, in bytes: as long as a name.
pub const MAX_ZONE_BYTES: usize = 255;

/// A backend to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The service it belongs to.
    pub service: ServiceName,
    /// Unique within the service.
    pub id: BackendId,
    /// Where clients dial it.
    pub address: HostPort,
    /// Its share of the calls relative to the service's other backends; 0: drained.
    pub weight: u32,
    /// Where it runs, if it says.
    pub zone: Option<Arc<str>>,
    /// What it announces of itself.
    pub state: BackendState,
}

impl Registration {
    /// Checks what its types leave open: whether clients could dial the address, and
    /// the zone. A registry does so before it writes.
    ///
    /// # Errors
    /// [`RegistrationError::Address`] or [`RegistrationError::Zone`].
    pub fn check(&self) -> Result<(), RegistrationError> {
        self.address.clone().dialable()?;
        self.zone.as_deref().map_or(Ok(()), check_zone)
    }
}

/// Checks a zone: 1 to [`MAX_ZONE_BYTES`] without control characters.
///
/// # Errors
/// [`RegistrationError::Zone`].
pub fn check_zone(zone: &str) -> Result<(), RegistrationError> {
    if (1..=MAX_ZONE_BYTES).contains(&zone.len()) && !zone.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(RegistrationError::Zone(zone.len()))
    }
}

/// Names a live registration to the registry that made it; opaque to everybody else.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Handle(Arc<[u8]>);

impl Handle {
    /// Takes bytes that a registry issued, or that a peer claims it did.
    ///
    /// # Errors
    /// Empty, or over [`MAX_HANDLE_BYTES`].
    pub fn new(bytes: &[u8]) -> Result<Self, RegistrationError> {
        if bytes.is_empty() || bytes.len() > MAX_HANDLE_BYTES {
            return Err(RegistrationError::Handle(bytes.len()));
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// Whoever has a handle can end the registration, so logs do not show it.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} bytes)", self.0.len())
    }
}

/// Why a registration request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The service name or the id.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The zone, by its length.
    #[error("a zone is 1 to {MAX_ZONE_BYTES} bytes without control characters, this one has {0}")]
    Zone(usize),
    /// The time to live.
    #[error("a time to live of {0:?} is outside {MIN_TTL:?} to {MAX_TTL:?}")]
    Ttl(Duration),
    /// The handle.
    #[error("a handle has 1 to {MAX_HANDLE_BYTES} bytes, this one has {0}")]
    Handle(usize),
    /// A secret or the id of a request.
    #[error(
        "{field} has {len} bytes, expected {} to {} random ones, or none",
        crate::MIN_SECRET_BYTES,
        crate::MAX_SECRET_BYTES
    )]
    Secret {
        /// `owner_secret` or `request_id`.
        field: &'static str,
        /// How many it has.
        len: usize,
    },
    /// An update that changes what cannot change.
    #[error("{0} of a live registration cannot change: deregister and register again")]
    Fixed(&'static str),
}

/// Checks a time to live against [`MIN_TTL`] and [`MAX_TTL`].
///
/// # Errors
/// [`RegistrationError::Ttl`] outside of them.
pub fn check_ttl(ttl: Duration) -> Result<Duration, RegistrationError> {
    if (MIN_TTL..=MAX_TTL).contains(&ttl) {
        Ok(ttl)
    } else {
        Err(RegistrationError::Ttl(ttl))
    }
}

#[cfg(test)]
mod tests;
