use std::fmt;

use crate::{BackendId, Drops, NameError, ServiceName};

/// What an operator orders for one service or one of its backends.
///
/// There is no cordon beside drain: no balancer ends a call that is under way, so both
/// would mean that a backend gets no new ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// This weight in place of the registered one; 0: drained.
    Weight(BackendId, u32),
    /// No calls for this backend.
    Drain(BackendId),
    /// These drops in place of those that are set.
    Drops(Drops),
    /// Fallback, or none, whatever is set.
    Fallback(bool),
}

/// What an override is about: there is one of each at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverrideTarget {
    /// The weight of a backend.
    Weight(BackendId),
    /// Whether a backend gets calls.
    Drain(BackendId),
    /// The drops of the service.
    Drops,
    /// Whether the service's clients use their own addresses.
    Fallback,
}

impl Override {
    /// What it is about.
    pub fn target(&self) -> OverrideTarget {
        match self {
            Self::Weight(id, _) => OverrideTarget::Weight(id.clone()),
            Self::Drain(id) => OverrideTarget::Drain(id.clone()),
            Self::Drops(_) => OverrideTarget::Drops,
            Self::Fallback(_) => OverrideTarget::Fallback,
        }
    }
}

const WEIGHT: &str = "weight";
const DRAIN: &str = "drain";
const DROPS: &str = "drops";
const FALLBACK: &str = "fallback";

impl OverrideTarget {
    /// The word in keys and for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Weight(_) => WEIGHT,
            Self::Drain(_) => DRAIN,
            Self::Drops => DROPS,
            Self::Fallback => FALLBACK,
        }
    }

    /// The backend it is about, if it is about one.
    pub fn backend(&self) -> Option<&BackendId> {
        match self {
            Self::Weight(id) | Self::Drain(id) => Some(id),
            Self::Drops | Self::Fallback => None,
        }
    }

    /// The key of this override, behind the prefix: `<service>/<kind>[/<id>]`.
    ///
    /// A service's name may have slashes, so a key is read from its end: if its last
    /// segment is `drops` or `fallback`, that is the kind and the rest is the service;
    /// otherwise the last segment is a backend and the one before it is the kind. The
    /// key of a backend that is itself called `drops` or `fallback` ends with a slash,
    /// which neither a service nor a backend can.
    pub fn key(&self, service: &ServiceName) -> String {
        let kind = self.kind();
        match self.backend() {
            None => format!("{service}/{kind}"),
            Some(id) if [DROPS, FALLBACK].contains(&id.as_str()) => {
                format!("{service}/{kind}/{id}/")
            }
            Some(id) => format!("{service}/{kind}/{id}"),
        }
    }

    /// What a key is about; the inverse of [`OverrideTarget::key`].
    ///
    /// # Errors
    /// The service, if that much can be read, and what is wrong.
    pub fn parse_key(key: &str) -> Result<(ServiceName, Self), OverrideKeyError> {
        let (key, quoted) = match key.strip_suffix('/') {
            Some(key) => (key, true),
            None => (key, false),
        };
        let of_service = [(DROPS, Self::Drops), (FALLBACK, Self::Fallback)];
        let (front, last) = key.rsplit_once('/').ok_or(OverrideKeyError::Form)?;
        let reserved = of_service.into_iter().find(|(kind, _)| *kind == last);
        match (reserved, quoted) {
            (Some((_, target)), false) => return Ok((ServiceName::new(front)?, target)),
            (None, true) => return Err(OverrideKeyError::Form),
            _ => {}
        }
        let (service, kind) = front.rsplit_once('/').ok_or(OverrideKeyError::Form)?;
        let id = BackendId::new(last)?;
        let target = match kind {
            WEIGHT => Self::Weight(id),
            DRAIN => Self::Drain(id),
            _ => return Err(OverrideKeyError::Form),
        };
        Ok((ServiceName::new(service)?, target))
    }
}

impl fmt::Display for OverrideTarget {
    /// `drain of a`, `drops`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self.backend() {
            Some(id) => write!(f, " of backend {id}"),
            None => Ok(()),
        }
    }
}

/// Why a key is none of an override.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideKeyError {
    /// No kind in its place.
    #[error(
        "expected SERVICE/weight/BACKEND, SERVICE/drain/BACKEND, SERVICE/drops or SERVICE/fallback"
    )]
    Form,
    /// A service or backend that is no name.
    #[error(transparent)]
    Name(#[from] NameError),
}
