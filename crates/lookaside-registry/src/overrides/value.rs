use std::{fmt, str::FromStr, sync::Arc, time::SystemTime};

use lookaside_core::{Override, OverrideNote, OverrideTarget};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};
use serde_json::{Map, Value, json};

use crate::{
    object::{Text, Whole},
    settings::{DropsValue, SettingsError, check_length, drops_value, parse_object, present},
};

/// The longest `by` and `reason` of an override, each, in bytes.
pub const MAX_NOTE_BYTES: usize = 255;

/// Reads the value of an override of this kind: `{"value":50,"by":"alice","reason":"disk
/// is failing","at":"2026-01-31T12:00:00Z","expires":"2026-01-31T13:00:00Z"}`. All but
/// `value` is for people and may be left out. Key and revision are the caller's to set.
///
/// # Errors
/// Names the key that is wrong and says what was expected.
pub fn parse_override(
    target: OverrideTarget,
    json: &[u8],
) -> Result<(Override, OverrideNote), SettingsError> {
    check_length(json)?;
    reread_override(target, json)
}

/// Reads what was let in before: [`override_json`] may be longer than what an operator
/// wrote, so its length does not matter.
pub(crate) fn reread_override(
    target: OverrideTarget,
    json: &[u8],
) -> Result<(Override, OverrideNote), SettingsError> {
    Ok(match target {
        OverrideTarget::Weight(id) => {
            let object: Noted<Whole<0, { u32::MAX }>> = parse_object(json)?;
            let (weight, note) = object.split();
            (Override::Weight(id, weight.0), note)
        }
        OverrideTarget::Drain(id) => {
            let (True, note) = parse_object::<Noted<True>>(json)?.split();
            (Override::Drain(id), note)
        }
        OverrideTarget::Drops => {
            let (drops, note) = parse_object::<Noted<DropsValue>>(json)?.split();
            (Override::Drops(drops.0), note)
        }
        OverrideTarget::Fallback => {
            let (fallback, note) = parse_object::<Noted<bool>>(json)?.split();
            (Override::Fallback(fallback), note)
        }
        OverrideTarget::Cordon(place) => {
            let (True, note) = parse_object::<Noted<True>>(json)?.split();
            (Override::Cordon(place), note)
        }
    })
}

/// Writes an override so that [`parse_override`] reads the same; times to the second.
pub fn override_json(value: &Override, note: &OverrideNote) -> String {
    let value = match value {
        Override::Weight(_, weight) => json!(weight),
        Override::Drain(_) | Override::Cordon(_) => json!(true),
        Override::Drops(drops) => drops_value(drops),
        Override::Fallback(fallback) => json!(fallback),
    };
    let mut object = Map::new();
    object.insert("value".to_owned(), value);
    let time = |it: SystemTime| humantime::format_rfc3339_seconds(it).to_string();
    for (key, text) in [
        ("by", note.by.as_deref().map(str::to_owned)),
        ("reason", note.reason.as_deref().map(str::to_owned)),
        ("at", note.at.map(time)),
        ("expires", note.expires.map(time)),
    ] {
        if let Some(text) = text {
            object.insert(key.to_owned(), text.into());
        }
    }
    Value::Object(object).to_string()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Noted<T> {
    value: T,
    #[serde(default, deserialize_with = "present")]
    by: Option<Text<Note>>,
    #[serde(default, deserialize_with = "present")]
    reason: Option<Text<Note>>,
    #[serde(default, deserialize_with = "present")]
    at: Option<Text<Time>>,
    #[serde(default, deserialize_with = "present")]
    expires: Option<Text<Time>>,
}

impl<T> Noted<T> {
    fn split(self) -> (T, OverrideNote) {
        let note = OverrideNote {
            by: self.by.map(|it| it.0.0),
            reason: self.reason.map(|it| it.0.0),
            at: self.at.map(|it| it.0.0),
            expires: self.expires.map(|it| it.0.0),
            ..OverrideNote::default()
        };
        (self.value, note)
    }
}

struct Note(Arc<str>);

impl FromStr for Note {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        check_note(text).map(|()| Self(text.into()))
    }
}

/// Checks a text that people will read in a terminal.
pub(crate) fn check_note(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > MAX_NOTE_BYTES || text.chars().any(char::is_control) {
        return Err(format!(
            "expected a text of 1 to {MAX_NOTE_BYTES} bytes without control characters"
        ));
    }
    Ok(())
}

struct Time(SystemTime);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = humantime::parse_rfc3339(text);
        time.map(Self)
            .map_err(|_| format!("{text:?} is no time like 2026-01-31T12:00:00Z"))
    }
}

/// A drain or cordon that is over is a key that is gone: one that says false might be meant to
/// keep a backend in the list that says itself that it leaves.
struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TrueVisitor;

        impl Visitor<'_> for TrueVisitor {
            type Value = True;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true (it ends when its key is deleted)")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<True, E> {
                if value {
                    Ok(True)
                } else {
                    Err(E::invalid_value(Unexpected::Bool(value), &self))
                }
            }
        }

        from.deserialize_bool(TrueVisitor)
    }
}

#[cfg(test)]
mod tests;
