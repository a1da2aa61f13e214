use std::fmt;

use super::{Place, PlaceError};
use crate::{BackendId, Drops, NameError, ServiceName};

/// What an operator orders: for one service, for one of its backends, or, with a cordon, for
/// whatever runs at a place, of all services.
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
    /// No calls for any backend at this place, those to come too. It stands under
    /// [`ServiceName::all`].
    Cordon(Place),
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
    /// Whether backends at a place get calls.
    Cordon(Place),
}

impl Override {
    /// What it is about.
    pub fn target(&self) -> OverrideTarget {
        match self {
            Self::Weight(id, _) => OverrideTarget::Weight(id.clone()),
            Self::Drain(id) => OverrideTarget::Drain(id.clone()),
            Self::Drops(_) => OverrideTarget::Drops,
            Self::Fallback(_) => OverrideTarget::Fallback,
            Self::Cordon(place) => OverrideTarget::Cordon(place.clone()),
        }
    }
}

const WEIGHT: &str = "weight";
const DRAIN: &str = "drain";
const DROPS: &str = "drops";
const FALLBACK: &str = "fallback";
const CORDON_HOST: &str = "cordon-host";
const CORDON_ZONE: &str = "cordon-zone";

impl OverrideTarget {
    /// The word in keys and for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Weight(_) => WEIGHT,
            Self::Drain(_) => DRAIN,
            Self::Drops => DROPS,
            Self::Fallback => FALLBACK,
            Self::Cordon(Place::Host(_)) => CORDON_HOST,
            Self::Cordon(Place::Zone(_)) => CORDON_ZONE,
        }
    }

    /// The backend it is about, if it is about one.
    pub fn backend(&self) -> Option<&BackendId> {
        match self {
            Self::Weight(id) | Self::Drain(id) => Some(id),
            Self::Drops | Self::Fallback | Self::Cordon(_) => None,
        }
    }

    /// The place it is about, if it is about one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Cordon(place) => Some(place),
            _ => None,
        }
    }

    /// The key of this override, behind the prefix: `<service>/<kind>[/<id>]`.
    ///
    /// A service's name may have slashes, so a key is read from its end: if its last
    /// segment is `drops` or `fallback`, that is the kind and the rest is the service;
    /// otherwise the last segment is a backend and the one before it is the kind. The
    /// key of a backend that is itself called `drops` or `fallback` ends with a slash,
    /// which neither a service nor a backend can.
    ///
    /// A cordon stands where the backend of a service called `**` would, and no backend's
    /// kind has its name: so it is no other key's, be there such a service or not.
    pub fn key(&self, service: &ServiceName) -> String {
        let kind = self.kind();
        let last = match self {
            Self::Weight(id) | Self::Drain(id) => id.to_string(),
            Self::Cordon(place) => place.segment(),
            Self::Drops | Self::Fallback => return format!("{service}/{kind}"),
        };
        let end = if [DROPS, FALLBACK].contains(&&*last) {
            "/"
        } else {
            ""
        };
        format!("{service}/{kind}/{last}{end}")
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
        let target = match kind {
            WEIGHT => Self::Weight(BackendId::new(last)?),
            DRAIN => Self::Drain(BackendId::new(last)?),
            CORDON_HOST => Self::Cordon(Place::read(last, Place::host)?),
            CORDON_ZONE => Self::Cordon(Place::read(last, Place::zone)?),
            _ => return Err(OverrideKeyError::Form),
        };
        let service = ServiceName::new(service)?;
        if target.place().is_some() && !service.is_all() {
            return Err(OverrideKeyError::Form);
        }
        Ok((service, target))
    }
}

impl fmt::Display for OverrideTarget {
    /// `drain of backend a`, `drops`, `cordon of host 10.0.0.5`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weight(id) | Self::Drain(id) => write!(f, "{} of backend {id}", self.kind()),
            Self::Drops | Self::Fallback => f.write_str(self.kind()),
            Self::Cordon(place) => write!(f, "cordon of {place}"),
        }
    }
}

/// Why a key is none of an override.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideKeyError {
    /// No kind in its place.
    #[error(
        "expected SERVICE/weight/BACKEND, SERVICE/drain/BACKEND, SERVICE/drops, SERVICE/fallback, \
         **/cordon-host/HOST or **/cordon-zone/ZONE"
    )]
    Form,
    /// A service or backend that is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A host or zone that is none.
    #[error(transparent)]
    Place(#[from] PlaceError),
}
