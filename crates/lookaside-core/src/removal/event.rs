use std::fmt;

use crate::{BackendId, ServiceName};

/// Something that people should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalEvent {
    /// Too many backends have vanished to be believed.
    Mass {
        /// Of this service.
        service: ServiceName,
        /// So many within the window ...
        missing: usize,
        /// ... of so many.
        of: usize,
        /// Whether the service alone would be below the threshold, and it is the registry
        /// as a whole that lost so many.
        everywhere: bool,
    },
    /// The plan of the service no longer waits for probes.
    Judged {
        /// This service.
        service: ServiceName,
        /// Backends that are kept because they answer.
        answer: usize,
        /// Backends that are kept because there was no time to ask them yet.
        unproven: usize,
        /// Backends that did not answer, and left.
        gone: usize,
    },
    /// A suspect is one no more.
    Left {
        /// Of this service.
        service: ServiceName,
        /// This one.
        id: BackendId,
        /// Whether it had answered; else it has never been one for certain.
        had_answered: bool,
        /// For this reason.
        why: Why,
    },
    /// There was no room to hold back any more removals; these were believed.
    Full {
        /// Of this service.
        service: ServiceName,
        /// So many.
        believed: usize,
    },
}

/// Why a suspect is one no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is registered again, be it under another id.
    Returned,
    /// It does not answer.
    Silent,
    /// Its address is registered by this other service now.
    Elsewhere(ServiceName),
    /// It was held for as long as the settings say.
    HeldLongEnough,
    /// The settings turn the rule off for this service.
    Off,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned => f.write_str("it is registered again"),
            Self::Silent => f.write_str("it does not answer"),
            Self::Elsewhere(service) => {
                write!(f, "its address is registered by service {service} now")
            }
            Self::HeldLongEnough => f.write_str("it was held for hold_down"),
            Self::Off => f.write_str("hold_down is 0s"),
        }
    }
}
