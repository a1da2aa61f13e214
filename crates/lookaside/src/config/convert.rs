//! From the configuration file's words to what the libraries take.

use std::{net::SocketAddr, time::Duration};

use lookaside_registry::{MemoryLimits, saved::Origin};
use lookaside_registry_etcd::EtcdConfig;
use lookaside_server as server;

use super::{
    Config,
    schema::Registration,
    values::{Enabled, OnEmpty, OnUnknown, RegistryUrl},
};

/// A memory registry starts empty and is filled by the renewals of the backends, which
/// look at once when their connection breaks and try at least every 2 s: the lists of
/// the first moments would lack most of them.
const MEMORY_HOLD: Duration = Duration::from_secs(3);

/// Connections that hold no stream, for health checks and people, per 1000 streams.
const SPARE_CONNECTIONS_PER_MILLE: usize = 200;

impl Config {
    /// What a balancer is started with.
    pub(crate) fn balancer(&self, listen: SocketAddr, admin: SocketAddr) -> server::Config {
        let lists = &self.lists;
        let limits = &self.limits;
        let accepted = &self.connections;
        let memory = self.registry == RegistryUrl::Memory;
        let streams = count(limits.streams);
        server::Config {
            listen,
            admin,
            lists: server::Lists {
                max_slots: count(lists.max_slots),
                panic: lists.panic,
                on_empty: match lists.on_empty {
                    OnEmpty::Fallback => server::OnEmpty::Fallback,
                    OnEmpty::Drop => server::OnEmpty::Drop,
                    OnEmpty::Hold => server::OnEmpty::Hold,
                },
                unknown: match lists.unknown {
                    OnUnknown::Refuse => server::Unknown::Refuse,
                    OnUnknown::Fallback => server::Unknown::Fallback,
                },
                quiet: lists.quiet,
                max_delay: lists.max_delay,
                report_interval: lists.report_interval,
                hold_down: lists.hold_down,
                mass_removal: server::MassRemoval {
                    share: lists.mass_removal,
                    min: count(lists.mass_min),
                    window: lists.mass_window,
                },
                hold: if memory { MEMORY_HOLD } else { Duration::ZERO },
            },
            limits: server::Limits {
                streams,
                streams_per_connection: count(limits.streams_per_connection),
                streams_per_peer: count(limits.streams_per_peer),
                new_streams_per_second: limits.new_streams_per_second,
                streams_per_second_per_name: count(limits.streams_per_second_per_name),
                connections: limits
                    .connections
                    .map_or_else(|| connections(streams), count),
                connections_per_peer: count(limits.connections_per_peer),
            },
            connections: server::Connections {
                backlog: accepted.backlog,
                reuse_port: accepted.reuse_port,
                hello: accepted.hello,
                idle: accepted.idle,
                keepalive: accepted.keepalive,
                keepalive_timeout: accepted.keepalive_timeout,
                frames_per_second: accepted.frames_per_second,
                max_headers: accepted.max_headers,
                write_rate: accepted.write_rate,
            },
            timeouts: server::Timeouts {
                write: accepted.write_timeout,
                ..server::Timeouts::default()
            },
            registration: match self.registration.enabled {
                Enabled::Auto => memory,
                Enabled::On => true,
                Enabled::Off => false,
            },
            registration_limits: self.registration.limits(),
            tls: self.tls.files(),
            access: self.access.policy(),
            ..server::Config::default()
        }
    }

    /// Which registry a saved state is of.
    pub(crate) fn origin(&self) -> Origin {
        match &self.registry {
            RegistryUrl::Memory => Origin::new("memory:"),
            // The same file for every directory that a balancer is started in.
            RegistryUrl::File(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                Origin::new(RegistryUrl::File(path).to_string())
            }
            RegistryUrl::Etcd(_) => Origin::new(self.registry.to_string())
                .with("prefix", &self.etcd.prefix)
                .with("config_prefix", &self.etcd.config_prefix)
                .with("override_prefix", &self.etcd.override_prefix),
        }
    }

    /// What an etcd registry is reached with: `[etcd]`, and the members of the URL.
    pub(crate) fn etcd(&self) -> EtcdConfig {
        let members = match &self.registry {
            RegistryUrl::Etcd(members) => members.clone(),
            RegistryUrl::Memory | RegistryUrl::File(_) => Vec::new(),
        };
        let etcd = &self.etcd;
        EtcdConfig {
            prefix: etcd.prefix.as_str().into(),
            config_prefix: etcd.config_prefix.as_str().into(),
            override_prefix: etcd.override_prefix.as_str().into(),
            user: etcd.user.clone(),
            password: etcd.password.clone(),
            ca: etcd.ca.clone(),
            cert: etcd.cert.clone(),
            key: etcd.key.clone(),
            ..EtcdConfig::new(members)
        }
    }
}

impl Registration {
    fn limits(&self) -> server::RegistrationLimits {
        server::RegistrationLimits {
            total: count(self.total),
            services: count(self.services),
            per_service: count(self.per_service),
            per_peer: count(self.per_peer),
            per_second: self.per_second,
            per_second_per_peer: self.per_second_per_peer,
        }
    }

    /// What a memory registry takes.
    pub(crate) fn memory(&self) -> MemoryLimits {
        let limit = |n| match n {
            0 => usize::MAX,
            n => count(n),
        };
        MemoryLimits {
            registrations: limit(self.total),
            per_service: limit(self.per_service),
        }
    }
}

/// How many connections go with so many streams; without a limit on these, any number.
fn connections(streams: usize) -> usize {
    match streams {
        0 => 0,
        streams => streams + streams / 1000 * SPARE_CONNECTIONS_PER_MILLE + 100,
    }
}

/// Counts in files have 32 bits, and so do the smallest machines this runs on.
fn count(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
