//! Every key of the configuration has an environment variable:
//! `LOOKASIDE_LISTS_MAX_SLOTS` is `max_slots` of `[lists]`.

use std::ffi::OsString;

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, ConfigError};

const PREFIX: &str = "LOOKASIDE_";

/// Variables that are not keys: flags' own, and those of the build and its script.
const OTHERS: &[&str] = &[
    "LOOKASIDE_ADMIN_BALANCER",
    "LOOKASIDE_BALANCER",
    "LOOKASIDE_BIN",
    "LOOKASIDE_COMMIT",
    "LOOKASIDE_CONFIG",
    "LOOKASIDE_ETCD",
    "LOOKASIDE_LOG",
    "LOOKASIDE_LOG_FORMAT",
    "LOOKASIDE_NO_INSTALL",
];

/// Whether a variable is a flag's own.
#[cfg(test)]
pub(crate) fn is_a_flags(variable: &str) -> bool {
    OTHERS.contains(&variable)
}

/// What a variable's text stands for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Integer,
    Float,
    Flag,
    List,
}
use Kind::{Flag, Float, Integer, List, Text};

/// Every key, by section; a test holds this against the schema.
const KEYS: &[(&str, &[(&str, Kind)])] = &[
    ("", &[("listen", Text), ("admin", Text), ("registry", Text)]),
    (
        "etcd",
        &[
            ("prefix", Text),
            ("config_prefix", Text),
            ("override_prefix", Text),
            ("layout", Text),
            ("user", Text),
            ("password", Text),
            ("ca", Text),
            ("cert", Text),
            ("key", Text),
        ],
    ),
    (
        "lists",
        &[
            ("max_slots", Integer),
            ("hold_down", Text),
            ("mass_removal", Float),
            ("mass_min", Integer),
            ("mass_window", Text),
            ("panic", Float),
            ("on_empty", Text),
            ("unknown", Text),
            ("quiet", Text),
            ("max_delay", Text),
            ("report_interval", Text),
        ],
    ),
    (
        "limits",
        &[
            ("streams", Integer),
            ("streams_per_connection", Integer),
            ("streams_per_peer", Integer),
            ("new_streams_per_second", Integer),
            ("streams_per_second_per_name", Integer),
            ("connections", Integer),
            ("connections_per_peer", Integer),
        ],
    ),
    (
        "connections",
        &[
            ("backlog", Integer),
            ("reuse_port", Flag),
            ("hello", Text),
            ("idle", Text),
            ("keepalive", Text),
            ("keepalive_timeout", Text),
            ("frames_per_second", Integer),
            ("max_headers", Integer),
            ("write_timeout", Text),
            ("write_rate", Integer),
        ],
    ),
    (
        "registration",
        &[
            ("enabled", Text),
            ("total", Integer),
            ("services", Integer),
            ("per_service", Integer),
            ("per_peer", Integer),
            ("per_second", Integer),
            ("per_second_per_peer", Integer),
        ],
    ),
    ("health", &[("ca", Text), ("cert", Text), ("key", Text)]),
    ("tokens", &[("keys", List)]),
    (
        "tls",
        &[
            ("cert", Text),
            ("key", Text),
            ("client_ca", Text),
            ("client_certificates", Text),
        ],
    ),
    ("access", &[("trust_loopback", Flag)]),
    ("state", &[("dir", Text), ("grace", Text)]),
];

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// The keys it sets.
    pub(super) table: Table,
    /// Variables that look like keys and are none.
    pub(super) unknown: Vec<String>,
}

/// Reads the variables of all keys.
///
/// # Errors
/// Names the variable whose value is wrong.
pub(super) fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Environment, ConfigError> {
    let mut found = Environment::default();
    for (variable, value) in variables {
        // Not UTF-8: certainly none of ours.
        let Some(variable) = variable.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        if OTHERS.contains(&variable) {
            continue;
        }
        let Some((section, key, kind)) = lookup(variable) else {
            found.unknown.push(variable.to_owned());
            continue;
        };
        let wrong = |reason: String| ConfigError::Env {
            variable: variable.to_owned(),
            value: value.to_string_lossy().into_owned(),
            reason,
        };
        let text = value
            .to_str()
            .ok_or_else(|| wrong("is not UTF-8".to_owned()))?;
        let parsed = parse(text, kind).map_err(wrong)?;
        let single = nested(section, key, parsed.clone());
        Config::deserialize(single).map_err(|error| wrong(error.message().to_owned()))?;
        insert(&mut found.table, section, key, parsed);
    }
    found.unknown.sort();
    Ok(found)
}

/// `lists.max_slots` → `LOOKASIDE_LISTS_MAX_SLOTS`.
pub(super) fn variable(section: &str, key: &str) -> String {
    let separator = if section.is_empty() { "" } else { "_" };
    format!("{PREFIX}{section}{separator}{key}").to_ascii_uppercase()
}

fn keys() -> impl Iterator<Item = (&'static str, &'static str, Kind)> {
    KEYS.iter()
        .flat_map(|(section, keys)| keys.iter().map(move |(key, kind)| (*section, *key, *kind)))
}

/// The names of all keys, as in `lists.max_slots`.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = String> {
    keys().map(|(section, key, _)| match section {
        "" => key.to_owned(),
        section => format!("{section}.{key}"),
    })
}

fn lookup(name: &str) -> Option<(&'static str, &'static str, Kind)> {
    keys().find(|(section, key, _)| variable(section, key) == name)
}

fn parse(text: &str, kind: Kind) -> Result<Value, String> {
    match kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Integer => text
            .parse()
            .map(Value::Integer)
            .map_err(|_| "is not a whole number".to_owned()),
        Kind::Float => text
            .parse()
            .map(Value::Float)
            .map_err(|_| "is not a number".to_owned()),
        Kind::Flag => text
            .parse()
            .map(Value::Boolean)
            .map_err(|_| "is neither true nor false".to_owned()),
        Kind::List => {
            let items = text.split(',').map(str::trim);
            let items = items.filter(|item| !item.is_empty());
            Ok(Value::Array(
                items.map(|item| Value::String(item.to_owned())).collect(),
            ))
        }
    }
}

fn nested(section: &str, key: &str, value: Value) -> Table {
    let mut table = Table::new();
    insert(&mut table, section, key, value);
    table
}

fn insert(table: &mut Table, section: &str, key: &str, value: Value) {
    if section.is_empty() {
        table.insert(key.to_owned(), value);
        return;
    }
    let inner = table
        .entry(section)
        .or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        inner.insert(key.to_owned(), value);
    }
}

/// Every key with its section and its variable.
#[cfg(test)]
pub(super) fn described() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    keys().map(|(section, key, _)| (section, key, variable(section, key)))
}

/// Puts a key's text into a table, as its variable would.
#[cfg(test)]
pub(super) fn toml_of(
    table: &mut Table,
    section: &str,
    key: &str,
    text: &str,
) -> Result<(), String> {
    let (.., kind) = lookup(&variable(section, key)).ok_or("it is no key")?;
    // An empty list is written so in the file.
    let text = if text == "[]" { "" } else { text };
    insert(table, section, key, parse(text, kind)?);
    Ok(())
}

#[cfg(test)]
mod tests;
