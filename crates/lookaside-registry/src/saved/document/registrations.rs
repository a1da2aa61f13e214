use std::{fmt::Write, sync::Arc};

use serde::{Deserialize, Serialize};

use super::backends::StateShape;
use crate::{Handle, Held, Registration, check_ttl};

/// A [`Held`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationShape {
    service: String,
    id: String,
    address: String,
    weight: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    state: StateShape,
    ttl: String,
    /// In hexadecimal digits.
    handle: String,
}

impl From<&Held> for RegistrationShape {
    fn from(held: &Held) -> Self {
        let registration = &held.registration;
        Self {
            service: registration.service.to_string(),
            id: registration.id.to_string(),
            address: registration.address.to_string(),
            weight: registration.weight,
            zone: registration.zone.as_deref().map(str::to_owned),
            state: registration.state.into(),
            ttl: humantime::format_duration(held.ttl).to_string(),
            handle: hex(held.handle.as_bytes()),
        }
    }
}

impl TryFrom<RegistrationShape> for Held {
    type Error = String;

    fn try_from(shape: RegistrationShape) -> Result<Self, String> {
        let registration = Registration {
            service: shape.service.parse().map_err(|error| format!("{error}"))?,
            id: shape.id.parse().map_err(|error| format!("{error}"))?,
            address: shape.address.parse().map_err(|error| format!("{error}"))?,
            weight: shape.weight,
            zone: shape.zone.map(Arc::from),
            state: shape.state.into(),
        };
        registration.check().map_err(|error| error.to_string())?;
        let ttl = humantime::parse_duration(&shape.ttl)
            .map_err(|error| format!("ttl {:?}: {error}", shape.ttl))?;
        let bytes = unhex(&shape.handle).ok_or("a handle is not in hexadecimal digits")?;
        Ok(Self {
            registration,
            handle: Handle::new(&bytes).map_err(|error| error.to_string())?,
            ttl: check_ttl(ttl).map_err(|error| error.to_string())?,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a `String` does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(high)? * 16 + digit(low)?).ok();
    pairs.iter().map(byte).collect()
}
