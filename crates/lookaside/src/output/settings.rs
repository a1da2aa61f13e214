use std::io::{self, Write};

use lookaside_proto::v1::ConfigurationKey;
use serde::Serialize;

use super::{
    format::or_dash,
    table::{Align, Table},
};

/// `lookaside settings --json`
#[derive(Debug, Serialize)]
pub(crate) struct SettingsJson<'a> {
    settings: Vec<KeyJson<'a>>,
}

#[derive(Debug, Serialize)]
struct KeyJson<'a> {
    name: &'a str,
    value: &'a str,
    source: &'a str,
    origin: &'a str,
}

impl<'a> From<&'a [ConfigurationKey]> for SettingsJson<'a> {
    fn from(keys: &'a [ConfigurationKey]) -> Self {
        let key = |key: &'a ConfigurationKey| KeyJson {
            name: &key.name,
            value: &key.value,
            source: &key.source,
            origin: &key.origin,
        };
        Self {
            settings: keys.iter().map(key).collect(),
        }
    }
}

/// The keys in a table.
pub(crate) fn write_settings(out: &mut impl Write, keys: &[ConfigurationKey]) -> io::Result<()> {
    if keys.is_empty() {
        return writeln!(out, "no settings");
    }
    let mut table = Table::new(&[
        ("KEY", Align::Left),
        ("VALUE", Align::Left),
        ("FROM", Align::Left),
    ]);
    for key in keys {
        let from = match &*key.origin {
            "" => key.source.clone(),
            origin => format!("{} {origin}", key.source),
        };
        table.row([key.name.clone(), or_dash(&key.value), from]);
    }
    write!(out, "{table}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, value: &str, source: &str, origin: &str) -> ConfigurationKey {
        ConfigurationKey {
            name: name.to_owned(),
            value: value.to_owned(),
            source: source.to_owned(),
            origin: origin.to_owned(),
        }
    }

    #[test]
    fn settings_are_shown_with_where_they_come_from() {
        let keys = [
            key("listen", "0.0.0.0:7400", "flag", "--listen"),
            key(
                "lists.max_slots",
                "7",
                "environment",
                "LOOKASIDE_LISTS_MAX_SLOTS",
            ),
            key("etcd.user", "", "default", ""),
        ];
        let mut out = Vec::new();
        write_settings(&mut out, &keys).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\
KEY              VALUE         FROM
listen           0.0.0.0:7400  flag --listen
lists.max_slots  7             environment LOOKASIDE_LISTS_MAX_SLOTS
etcd.user        -             default
"
        );
        let json = serde_json::to_value(SettingsJson::from(&keys[..])).unwrap();
        assert_eq!(json["settings"][0]["origin"], "--listen");
        assert_eq!(json["settings"][2]["value"], "");
        let mut out = Vec::new();
        write_settings(&mut out, &[]).unwrap();
        assert_eq!(out, b"no settings\n");
    }
}
