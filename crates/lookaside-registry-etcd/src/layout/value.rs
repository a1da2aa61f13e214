//! A backend's value, as etcd's own `naming/endpoints` package writes it.

use std::sync::Arc;

use lookaside_core::{AddressError, BackendState, DEFAULT_WEIGHT, HostPort};
use lookaside_registry::{MAX_ZONE_BYTES, Owner, Registration};
use serde_json::{Map, Value, json};

use super::MAX_VALUE_BYTES;

/// What a backend's value says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackendValue {
    pub(crate) address: HostPort,
    pub(crate) weight: u32,
    pub(crate) zone: Option<Arc<str>>,
    pub(crate) state: BackendState,
}

/// Why a backend's value is skipped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("the value has {0} bytes, at most {MAX_VALUE_BYTES} are read")]
    TooLong(usize),
    #[error("the value is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the value is {0}, expected an object such as {{\"Addr\":\"10.0.0.1:50051\"}}")]
    NoObject(&'static str),
    #[error("the value has no \"Addr\", expected \"Addr\":\"HOST:PORT\"")]
    NoAddress,
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("{field} is {found}, expected {expected}")]
    Field {
        field: &'static str,
        found: String,
        expected: &'static str,
    },
}

/// Reads a value. Field names match whatever their case, as Go's decoder reads them;
/// `Op` and unknown fields are ignored, and so are metadata that are no object: the
/// package lets applications put anything there.
pub(crate) fn decode(value: &[u8]) -> Result<BackendValue, ValueError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(ValueError::TooLong(value.len()));
    }
    let object = match serde_json::from_slice(value)? {
        Value::Object(object) => object,
        other => return Err(ValueError::NoObject(kind(&other))),
    };
    let address = match field(&object, "Addr") {
        Some(Value::String(address)) => address.parse::<HostPort>()?.dialable()?,
        Some(other) => return Err(wrong("Addr", other, "a text HOST:PORT")),
        None => return Err(ValueError::NoAddress),
    };
    let nothing = Map::new();
    let metadata = match field(&object, "Metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => &nothing,
    };
    Ok(BackendValue {
        address,
        weight: field(metadata, "weight").map_or(Ok(DEFAULT_WEIGHT), weight)?,
        zone: field(metadata, "zone").map_or(Ok(None), zone)?,
        state: field(metadata, "state").map_or(Ok(BackendState::Serving), state)?,
    })
}

/// The address alone, however bad the rest is; none if it cannot be read.
pub(crate) fn address_of(value: &[u8]) -> Option<HostPort> {
    let object: Map<String, Value> = serde_json::from_slice(value).ok()?;
    field(&object, "Addr")?.as_str()?.parse().ok()
}

/// Whose a value is; none of one that no registrar of ours wrote.
pub(crate) fn owner_of(value: &[u8]) -> Option<Owner> {
    let object: Map<String, Value> = serde_json::from_slice(value).ok()?;
    let metadata = field(&object, "Metadata")?.as_object()?;
    let identity = field(metadata, OWNER_IDENTITY).and_then(Value::as_str);
    let owner = Owner::parse(field(metadata, OWNER)?.as_str()?, identity.map(Arc::from))?;
    Some(owner.with_sequence(field(metadata, OWNER_SEQUENCE).and_then(Value::as_u64)))
}

/// Metadata of ours, which other readers ignore. In the value and not in a key of its own:
/// so it is written, compared and deleted with the backend, in one step.
const OWNER: &str = "owner";
const OWNER_IDENTITY: &str = "owner_identity";
/// A balancer from before there were sequences reads past it, and leaves it out when it
/// writes.
const OWNER_SEQUENCE: &str = "owner_sequence";

/// Writes a value.
pub(crate) fn encode(registration: &Registration, owner: &Owner) -> Vec<u8> {
    let mut metadata = Map::new();
    metadata.insert("weight".into(), registration.weight.into());
    if let Some(zone) = &registration.zone {
        metadata.insert("zone".into(), Value::from(&**zone));
    }
    metadata.insert("state".into(), registration.state.as_str().into());
    metadata.insert(OWNER.into(), owner.key_text().into());
    if let Some(identity) = owner.identity() {
        metadata.insert(OWNER_IDENTITY.into(), identity.into());
    }
    if let Some(sequence) = owner.sequence() {
        metadata.insert(OWNER_SEQUENCE.into(), sequence.into());
    }
    json!({ "Addr": registration.address.to_string(), "Metadata": metadata })
        .to_string()
        .into_bytes()
}

/// The exact name first, else any that differs by case only. `null` is absent.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let any_case = || {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    object
        .get(name)
        .or_else(any_case)
        .filter(|it| !it.is_null())
}

/// A number, or its decimal text: some frameworks' metadata hold texts only.
fn weight(value: &Value) -> Result<u32, ValueError> {
    let number = match value {
        Value::Number(number) => number.as_u64().and_then(|it| u32::try_from(it).ok()),
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| wrong("weight", value, "a whole number from 0 to 4294967295"))
}

fn zone(value: &Value) -> Result<Option<Arc<str>>, ValueError> {
    match value {
        Value::String(zone) if zone.is_empty() => Ok(None),
        Value::String(zone)
            if zone.len() <= MAX_ZONE_BYTES && !zone.chars().any(char::is_control) =>
        {
            Ok(Some(zone.as_str().into()))
        }
        other => Err(wrong(
            "zone",
            other,
            "a text of at most 255 printable bytes",
        )),
    }
}

fn state(value: &Value) -> Result<BackendState, ValueError> {
    [BackendState::Serving, BackendState::Draining]
        .into_iter()
        .find(|state| value.as_str() == Some(state.as_str()))
        .ok_or_else(|| wrong("state", value, "\"serving\" or \"draining\""))
}

fn wrong(field: &'static str, found: &Value, expected: &'static str) -> ValueError {
    ValueError::Field {
        field,
        found: found.to_string(),
        expected,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
