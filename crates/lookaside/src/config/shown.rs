//! What is in force, and who said so: for people, without any secret.

use std::{
    fmt::{Debug, Display},
    path::{Path, PathBuf},
    time::Duration,
};

use lookaside_server::ConfigurationKey;
use toml::{Table, Value};

use super::{Config, env::variable};

/// Who said what of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Keys of the top level.
    pub(super) flags: Vec<&'static str>,
    pub(super) environment: Table,
    pub(super) file: Option<(PathBuf, Table)>,
}

impl Sources {
    /// Where a key's value comes from: what kind of place, and which.
    fn of(&self, section: &str, key: &str) -> (&'static str, String) {
        if section.is_empty() && self.flags.contains(&key) {
            return ("flag", format!("--{key}"));
        }
        if has(&self.environment, section, key) {
            return ("environment", variable(section, key));
        }
        match &self.file {
            Some((path, table)) if has(table, section, key) => ("file", path.display().to_string()),
            _ => ("default", String::new()),
        }
    }
}

fn has(table: &Table, section: &str, key: &str) -> bool {
    let section = match section {
        "" => Some(table),
        section => table.get(section).and_then(Value::as_table),
    };
    section.is_some_and(|section| section.contains_key(key))
}

impl Config {
    /// Every key with its value and source, in the order of `docs/configuration.md`.
    pub(crate) fn shown(&self, sources: &Sources) -> Vec<ConfigurationKey> {
        let key = |(section, key, value): (&str, &str, String)| {
            let (source, origin) = sources.of(section, key);
            let separator = if section.is_empty() { "" } else { "." };
            ConfigurationKey {
                name: format!("{section}{separator}{key}"),
                value,
                source,
                origin,
            }
        };
        self.values().into_iter().map(key).collect()
    }

    fn values(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut all = self.reading();
        all.extend(self.serving());
        all.extend(self.trusting());
        all
    }

    /// What lists are made from.
    fn reading(&self) -> Vec<(&'static str, &'static str, String)> {
        let (etcd, lists) = (&self.etcd, &self.lists);
        vec![
            ("", "listen", text(&self.listen)),
            ("", "admin", text(&self.admin)),
            ("", "registry", text(&self.registry)),
            ("etcd", "prefix", text(&etcd.prefix)),
            ("etcd", "config_prefix", text(&etcd.config_prefix)),
            ("etcd", "override_prefix", text(&etcd.override_prefix)),
            ("etcd", "layout", word(etcd.layout)),
            ("etcd", "user", etcd.user.clone().unwrap_or_default()),
            ("etcd", "password", secret(etcd.password.as_deref())),
            ("etcd", "ca", path(etcd.ca.as_deref())),
            ("etcd", "cert", path(etcd.cert.as_deref())),
            ("etcd", "key", path(etcd.key.as_deref())),
            ("lists", "max_slots", text(lists.max_slots)),
            ("lists", "on_empty", word(lists.on_empty)),
            ("lists", "unknown", word(lists.unknown)),
            ("lists", "quiet", time(lists.quiet)),
            ("lists", "max_delay", time(lists.max_delay)),
            ("lists", "report_interval", time(lists.report_interval)),
            ("lists", "panic", text(lists.panic)),
            ("lists", "mass_removal", text(lists.mass_removal)),
            ("lists", "mass_min", text(lists.mass_min)),
            ("lists", "mass_window", time(lists.mass_window)),
            ("lists", "hold_down", time(lists.hold_down)),
        ]
    }

    /// How much of it there may be.
    fn serving(&self) -> Vec<(&'static str, &'static str, String)> {
        let (limits, connections) = (&self.limits, &self.connections);
        let registration = &self.registration;
        let connection_limit = limits.connections.map_or_else(
            || "as many as go with limits.streams".to_owned(),
            |limit| limit.to_string(),
        );
        let keepalive_timeout = connections.keepalive_timeout;
        vec![
            ("limits", "streams", text(limits.streams)),
            (
                "limits",
                "streams_per_connection",
                text(limits.streams_per_connection),
            ),
            ("limits", "streams_per_peer", text(limits.streams_per_peer)),
            (
                "limits",
                "new_streams_per_second",
                text(limits.new_streams_per_second),
            ),
            (
                "limits",
                "streams_per_second_per_name",
                text(limits.streams_per_second_per_name),
            ),
            ("limits", "connections", connection_limit),
            (
                "limits",
                "connections_per_peer",
                text(limits.connections_per_peer),
            ),
            ("connections", "backlog", text(connections.backlog)),
            ("connections", "reuse_port", text(connections.reuse_port)),
            ("connections", "hello", time(connections.hello)),
            ("connections", "idle", time(connections.idle)),
            ("connections", "keepalive", time(connections.keepalive)),
            ("connections", "keepalive_timeout", time(keepalive_timeout)),
            (
                "connections",
                "frames_per_second",
                text(connections.frames_per_second),
            ),
            ("connections", "max_headers", text(connections.max_headers)),
            (
                "connections",
                "write_timeout",
                time(connections.write_timeout),
            ),
            ("connections", "write_rate", text(connections.write_rate)),
            ("registration", "enabled", word(registration.enabled)),
            ("registration", "total", text(registration.total)),
            ("registration", "services", text(registration.services)),
            (
                "registration",
                "per_service",
                text(registration.per_service),
            ),
            ("registration", "per_peer", text(registration.per_peer)),
            ("registration", "per_second", text(registration.per_second)),
            (
                "registration",
                "per_second_per_peer",
                text(registration.per_second_per_peer),
            ),
        ]
    }

    /// Who is believed what, and what is kept.
    fn trusting(&self) -> Vec<(&'static str, &'static str, String)> {
        let (health, tls, state) = (&self.health, &self.tls, &self.state);
        let keys = self.tokens.keys.iter().map(|source| key_source(source));
        vec![
            ("health", "ca", path(health.ca.as_deref())),
            ("health", "cert", path(health.cert.as_deref())),
            ("health", "key", path(health.key.as_deref())),
            ("tokens", "keys", keys.collect::<Vec<_>>().join(",")),
            ("tls", "cert", path(tls.cert.as_deref())),
            ("tls", "key", path(tls.key.as_deref())),
            ("tls", "client_ca", path(tls.client_ca.as_deref())),
            ("tls", "client_certificates", word(tls.client_certificates)),
            ("access", "trust_loopback", text(self.access.trust_loopback)),
            ("access", "rules", self.access.described_rules()),
            ("state", "dir", path(state.dir.as_deref())),
            ("state", "grace", time(state.grace)),
        ]
    }
}

/// As it is written.
fn text(value: impl Display) -> String {
    value.to_string()
}

/// One of a few words, which are variants of the same name.
fn word(value: impl Debug) -> String {
    format!("{value:?}").to_lowercase()
}

fn time(value: Duration) -> String {
    humantime::format_duration(value).to_string()
}

fn path(value: Option<&Path>) -> String {
    value.map_or_else(String::new, |path| path.display().to_string())
}

fn secret(value: Option<&str>) -> String {
    value.map_or_else(String::new, |_| "(set, not shown)".to_owned())
}

/// The file with the keys. Whatever names no file may be a key.
fn key_source(text: &str) -> String {
    if text.starts_with("file:") {
        text.to_owned()
    } else {
        "(not shown)".to_owned()
    }
}

#[cfg(test)]
mod tests;
