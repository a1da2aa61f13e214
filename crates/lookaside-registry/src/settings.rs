//! The settings of one service, as they are written: one shape in JSON and TOML.

mod health;
mod keys;
mod write;

use std::{fmt::Display, sync::Arc};

use lookaside_core::{Problem, Revision, ServiceSettings, Settings};
use serde::Deserialize;

pub use self::write::settings_json;
pub(crate) use self::{
    health::HealthValue,
    keys::{DropsValue, HoldDown, MaxSlots, OnEmptyValue, ReportInterval, SettingsKeys, present},
    write::drops_value,
};
use crate::object::Object;

/// The longest settings object. A handful of drops has a few hundred bytes.
pub const MAX_SETTINGS_BYTES: usize = 64 * 1024;

/// How much of a [`Problem`]'s reason is kept: it may quote a value, and every
/// unreadable key has one in memory.
pub const MAX_REASON_BYTES: usize = 512;

/// Why a settings object is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Longer than [`MAX_SETTINGS_BYTES`].
    #[error("the settings have {0} bytes, at most {MAX_SETTINGS_BYTES} are allowed")]
    TooLong(usize),
    /// Nothing there.
    #[error("the settings are empty: expected a JSON object, such as {{\"fallback\":false}}")]
    Empty,
    /// No JSON, an unknown key, or a value that its key does not take: which one, what
    /// was expected, line and column.
    #[error("{0}")]
    Invalid(String),
}

/// Reads a service's settings: `{"drops":[{"category":"overload","per_million":250000}],
/// "fallback":false,"health":{"type":"tcp"}}`. Every key is optional, and one that does
/// not exist is an error; `docs/configuration.md` lists them.
///
/// # Errors
/// Names the key that is wrong and says what was expected.
pub fn parse_settings(json: &[u8]) -> Result<Settings, SettingsError> {
    check_length(json)?;
    reread_settings(json)
}

/// Reads settings that were let in before: [`settings_json`] may be longer than what an
/// operator wrote, so their length does not matter.
pub(crate) fn reread_settings(json: &[u8]) -> Result<Settings, SettingsError> {
    parse_object::<SettingsKeys>(json).map(SettingsKeys::settings)
}

/// Whether this is of a length that is let in.
pub(crate) fn check_length(json: &[u8]) -> Result<(), SettingsError> {
    if json.len() > MAX_SETTINGS_BYTES {
        return Err(SettingsError::TooLong(json.len()));
    }
    Ok(())
}

/// Reads a JSON object of an operator's.
pub(crate) fn parse_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, SettingsError> {
    if json.trim_ascii().is_empty() {
        return Err(SettingsError::Empty);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let Object(object) = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| SettingsError::Invalid(error.to_string()))?;
    deserializer
        .end()
        .map_err(|error| SettingsError::Invalid(error.to_string()))?;
    Ok(object)
}

/// Brings a service's settings up to date with what was read under their key: what
/// cannot be read leaves the whole last good object in force, or, where none was ever
/// read, the defaults, which the problem then says.
pub fn apply_settings<E: Display>(
    previous: Option<&ServiceSettings>,
    key: impl Into<Arc<str>>,
    revision: Revision,
    read: Result<Settings, E>,
) -> ServiceSettings {
    match read {
        Ok(settings) => ServiceSettings {
            settings,
            problem: None,
        },
        Err(error) => {
            let settings = previous.map_or_else(Settings::default, |it| it.settings.clone());
            // Not to be taken for a last good object: at a start there is none.
            let problem = if settings == Settings::default() {
                let reason = format_args!("the defaults are in force: {error}");
                problem(key, revision, reason)
            } else {
                problem(key, revision, error)
            };
            ServiceSettings {
                settings,
                problem: Some(problem),
            }
        }
    }
}

/// Records that a key could not be read, with at most [`MAX_REASON_BYTES`] of why.
pub fn problem(key: impl Into<Arc<str>>, revision: Revision, reason: impl Display) -> Problem {
    let mut reason = reason.to_string();
    if reason.len() > MAX_REASON_BYTES {
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES - '…'.len_utf8()));
        reason.push('…');
    }
    Problem {
        key: key.into(),
        reason: reason.into(),
        revision,
    }
}

#[cfg(test)]
mod tests;
