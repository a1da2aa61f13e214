//! The keys of the configuration file and their defaults.

mod connections;

use std::{path::PathBuf, time::Duration};

use lookaside_agent::KeySource;
use lookaside_core::HostPort;
use serde::Deserialize;

use super::{
    access::Access,
    health::Health,
    values::{
        ClientCertificates, Enabled, Layout, OnEmpty, OnUnknown, RegistryUrl, duration, positive,
        share, slots, text,
    },
};

pub(crate) use self::connections::Connections;

/// The whole configuration of a balancer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where clients connect. Default `127.0.0.1:7400`.
    #[serde(deserialize_with = "text")]
    pub(crate) listen: HostPort,
    /// Where operators connect. Default `127.0.0.1:7401`.
    #[serde(deserialize_with = "text")]
    pub(crate) admin: HostPort,
    /// Where backends are recorded. Default `memory:`.
    #[serde(deserialize_with = "text")]
    pub(crate) registry: RegistryUrl,
    pub(crate) etcd: Etcd,
    pub(crate) lists: Lists,
    pub(crate) limits: Limits,
    pub(crate) connections: Connections,
    pub(crate) registration: Registration,
    pub(crate) tokens: Tokens,
    pub(crate) health: Health,
    pub(crate) tls: Tls,
    pub(crate) access: Access,
    pub(crate) state: State,
}

/// Where things stand in etcd, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Etcd {
    pub(crate) prefix: String,
    pub(crate) config_prefix: String,
    pub(crate) override_prefix: String,
    pub(crate) layout: Layout,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// What goes into lists, and when they are sent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lists {
    #[serde(deserialize_with = "slots")]
    pub(crate) max_slots: u32,
    #[serde(deserialize_with = "duration")]
    pub(crate) hold_down: Duration,
    #[serde(deserialize_with = "share")]
    pub(crate) mass_removal: f64,
    #[serde(deserialize_with = "positive")]
    pub(crate) mass_min: u32,
    #[serde(deserialize_with = "duration")]
    pub(crate) mass_window: Duration,
    #[serde(deserialize_with = "share")]
    pub(crate) panic: f64,
    pub(crate) on_empty: OnEmpty,
    pub(crate) unknown: OnUnknown,
    #[serde(deserialize_with = "duration")]
    pub(crate) quiet: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) max_delay: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) report_interval: Duration,
}

/// How much clients may ask for. 0: no limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) streams: u32,
    pub(crate) streams_per_connection: u32,
    pub(crate) streams_per_peer: u32,
    pub(crate) new_streams_per_second: u32,
    pub(crate) streams_per_second_per_name: u32,
    /// `None`: as many as go with `streams`.
    pub(crate) connections: Option<u32>,
    pub(crate) connections_per_peer: u32,
}

/// Whether backends register through this balancer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Registration {
    /// Auto: on for the memory registry, off otherwise.
    pub(crate) enabled: Enabled,
    /// How much may be registered. 0: no limit.
    pub(crate) total: u32,
    pub(crate) services: u32,
    pub(crate) per_service: u32,
    pub(crate) per_peer: u32,
    pub(crate) per_second: u32,
    pub(crate) per_second_per_peer: u32,
}

/// What signs tokens. Texts, because whatever names no file may be a key, and must not be
/// shown by the error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tokens {
    pub(crate) keys: Vec<String>,
}

/// How the listeners prove who they are, and what they want of clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) client_certificates: ClientCertificates,
}

/// Where the last snapshot is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) dir: Option<PathBuf>,
    #[serde(deserialize_with = "duration")]
    pub(crate) grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let local = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port)).into();
        Self {
            listen: local(7400),
            admin: local(7401),
            registry: RegistryUrl::default(),
            etcd: Etcd::default(),
            lists: Lists::default(),
            limits: Limits::default(),
            connections: Connections::default(),
            registration: Registration::default(),
            tokens: Tokens::default(),
            health: Health::default(),
            tls: Tls::default(),
            access: Access::default(),
            state: State::default(),
        }
    }
}

impl Default for Etcd {
    fn default() -> Self {
        Self {
            prefix: "services/".to_owned(),
            config_prefix: "lookaside/config/".to_owned(),
            override_prefix: "lookaside/overrides/".to_owned(),
            layout: Layout::default(),
            user: None,
            password: None,
            ca: None,
            cert: None,
            key: None,
        }
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            max_slots: 1024,
            hold_down: Duration::from_secs(30),
            mass_removal: 0.5,
            mass_min: 3,
            mass_window: Duration::from_secs(2),
            panic: 0.5,
            on_empty: OnEmpty::default(),
            unknown: OnUnknown::default(),
            quiet: Duration::from_millis(100),
            max_delay: Duration::from_secs(1),
            report_interval: Duration::from_secs(10),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 50_000,
            streams_per_connection: 100,
            streams_per_peer: 0,
            new_streams_per_second: 5000,
            streams_per_second_per_name: 3,
            connections: None,
            connections_per_peer: 0,
        }
    }
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            enabled: Enabled::default(),
            total: 100_000,
            services: 10_000,
            per_service: 10_000,
            per_peer: 1000,
            per_second: 5000,
            per_second_per_peer: 200,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            dir: None,
            grace: Duration::from_secs(2),
        }
    }
}

impl Tokens {
    /// Where the keys are.
    pub(crate) fn sources(&self) -> Result<Vec<KeySource>, String> {
        let source = |(text, entry): (&String, usize)| {
            let parsed = text.parse();
            parsed.map_err(|error| format!("tokens.keys, entry {entry}: {error}"))
        };
        self.keys.iter().zip(1..).map(source).collect()
    }
}

impl Config {
    /// What no single key can tell.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.listen == self.admin && self.listen.port() != 0 {
            return Err(format!(
                "listen and admin are both {}: they need a port each",
                self.listen
            ));
        }
        self.connections.check()?;
        let Lists {
            quiet, max_delay, ..
        } = self.lists;
        if quiet > max_delay {
            return Err(format!(
                "lists.quiet ({quiet:?}) is longer than lists.max_delay ({max_delay:?})"
            ));
        }
        let Etcd {
            prefix,
            config_prefix,
            override_prefix,
            ..
        } = &self.etcd;
        let prefixes = [
            ("etcd.prefix", prefix),
            ("etcd.config_prefix", config_prefix),
            ("etcd.override_prefix", override_prefix),
        ];
        for (name, value) in prefixes {
            if value.is_empty() || !value.ends_with('/') {
                return Err(format!("{name} is {value:?}, it must end with a slash"));
            }
            for (other, within) in prefixes {
                if name != other && within.starts_with(value.as_str()) {
                    return Err(format!(
                        "{other} ({within:?}) lies within {name} ({value:?})"
                    ));
                }
            }
        }
        self.tokens.sources()?;
        if self.etcd.user.is_some() != self.etcd.password.is_some() {
            return Err("etcd.user and etcd.password go together, one is missing".to_owned());
        }
        if self.etcd.cert.is_some() != self.etcd.key.is_some() {
            return Err("etcd.cert and etcd.key go together, one is missing".to_owned());
        }
        self.health.check()?;
        self.tls.check()?;
        self.access.check(&self.tls)?;
        Ok(())
    }
}
