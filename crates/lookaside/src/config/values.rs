//! The kinds of values that configuration and flags hold.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use lookaside_core::HostPort;
pub(crate) use lookaside_registry::parse_duration;
use serde::{Deserialize, Deserializer, de::Error};

/// As [`parse_duration`], for serde.
pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// Anything that is written as a text of its own.
pub(super) fn text<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// A share between 0 and 1, both included.
pub(super) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(from)?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{value} is no share from 0 to 1")))
    }
}

/// A count of at least 1.
pub(super) fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(D::Error::custom("0 is not a count of at least 1")),
        n => Ok(n),
    }
}

/// The longest list that any setting can ask for.
const MAX_SLOTS: u32 = 32_768;

/// A number of slots.
pub(super) fn slots<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let value = u32::deserialize(from)?;
    if (1..=MAX_SLOTS).contains(&value) {
        Ok(value)
    } else {
        let error = format!("{value} is not 1 to {MAX_SLOTS} slots");
        Err(D::Error::custom(error))
    }
}

/// A registry, as `--registry` names it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum RegistryUrl {
    /// `memory:`
    #[default]
    Memory,
    /// `file:PATH`
    File(PathBuf),
    /// `etcd://HOST:PORT[,HOST:PORT...]`
    Etcd(Vec<HostPort>),
}

impl FromStr for RegistryUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "registry {url:?}: {why}; expected memory:, file:PATH \
                 or etcd://HOST:PORT[,HOST:PORT...]"
            )
        };
        if url == "memory:" || url == "memory" {
            Ok(Self::Memory)
        } else if let Some(path) = url.strip_prefix("file:") {
            // file:///etc/x.toml names an absolute path, like file:/etc/x.toml.
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(wrong("no path"));
            }
            Ok(Self::File(path.into()))
        } else if let Some(members) = url.strip_prefix("etcd://") {
            let members = members.trim_end_matches('/');
            if members.is_empty() {
                return Err(wrong("no member"));
            }
            let member = |text: &str| {
                let parsed = text.trim().parse::<HostPort>();
                parsed
                    .and_then(HostPort::dialable)
                    .map_err(|error| wrong(&error.to_string()))
            };
            Ok(Self::Etcd(
                members.split(',').map(member).collect::<Result<_, _>>()?,
            ))
        } else {
            Err(wrong("unknown kind"))
        }
    }
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Etcd(members) => {
                let members: Vec<_> = members.iter().map(ToString::to_string).collect();
                write!(f, "etcd://{}", members.join(","))
            }
        }
    }
}

/// Whether something that has a sensible default is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Enabled {
    #[default]
    Auto,
    On,
    Off,
}

impl<'de> Deserialize<'de> for Enabled {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected \"auto\", true or false")]
        enum Either {
            Word(String),
            Flag(bool),
        }
        match Either::deserialize(from)? {
            Either::Flag(true) => Ok(Self::On),
            Either::Flag(false) => Ok(Self::Off),
            Either::Word(word) => word.parse().map_err(D::Error::custom),
        }
    }
}

impl FromStr for Enabled {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "auto" => Ok(Self::Auto),
            "on" | "true" => Ok(Self::On),
            "off" | "false" => Ok(Self::Off),
            _ => Err(format!("{word:?} is not \"auto\", true or false")),
        }
    }
}

/// What a service gets that has no eligible backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnEmpty {
    #[default]
    Fallback,
    Drop,
    Hold,
}

/// What a client gets that asks for a service nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnUnknown {
    #[default]
    Refuse,
    Fallback,
}

/// What becomes of a client without a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientCertificates {
    #[default]
    Require,
    Request,
}

/// How backends are laid out in etcd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layout {
    /// As etcd's own naming package writes them.
    #[default]
    Endpoints,
}
