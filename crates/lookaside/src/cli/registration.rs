use std::{path::PathBuf, time::Duration};

use anyhow::anyhow;
use clap::Args;
use lookaside_agent::{Agent, AgentBuilder, Target};
use lookaside_core::{BackendId, HostPort};
use lookaside_tls::ClientTls;

use super::{Failure, tls::BalancerTls, values};
use crate::config::{Config, Overrides, RegistryUrl, load, parse_duration};

/// How a backend is described, and where.
#[derive(Clone, Debug, Args)]
pub(super) struct Registration {
    /// Its share of the calls relative to the service's other backends; 0: none
    #[arg(
        long,
        value_name = "N",
        default_value_t = lookaside_core::DEFAULT_WEIGHT,
        allow_negative_numbers = true // to say what is wrong with them
    )]
    weight: u32,

    /// Where it runs
    #[arg(long, value_name = "Z", value_parser = values::zone)]
    zone: Option<String>,

    /// Its name within the service [default: the address]
    #[arg(long, value_name = "ID")]
    id: Option<BackendId>,

    /// How long the registry keeps it when it is not heard of, 1s to 24h; it is renewed
    /// at a third of that
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::ttl)]
    ttl: Duration,

    /// How long to wait between announcing a departure and deregistering, so that
    /// clients have their new list by then
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = parse_duration)]
    drain: Duration,

    /// Write to this registry itself: etcd://HOST:PORT[,HOST:PORT...]
    #[arg(long, value_name = "URL", conflicts_with = "balancer")]
    registry: Option<RegistryUrl>,

    /// Register through these balancers: the first that answers; may be repeated
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', value_parser = values::dialable)]
    balancer: Vec<HostPort>,

    #[command(flatten)]
    tls: BalancerTls,

    /// Read `registry` and the section `etcd` from this file
    #[arg(long, value_name = "FILE", env = "LOOKASIDE_CONFIG")]
    config: Option<PathBuf>,
}

/// Where to register, decided.
#[derive(Debug)]
pub(super) enum Place {
    Balancers(Vec<HostPort>, Option<ClientTls>),
    Etcd(Vec<HostPort>, Box<Config>),
}

impl Place {
    /// What the route to tells the local address.
    pub(super) fn addresses(&self) -> &[HostPort] {
        match self {
            Self::Balancers(addresses, _) | Self::Etcd(addresses, _) => addresses,
        }
    }
}

impl Registration {
    /// Refuses to be told how or where to register when there is no service to register
    /// for.
    pub(super) fn check_unused(&self) -> Result<(), Failure> {
        let given = [
            ("--registry", self.registry.is_some()),
            ("--balancer", !self.balancer.is_empty()),
            ("--ca", self.tls.is_given()),
            ("--id", self.id.is_some()),
            ("--zone", self.zone.is_some()),
            ("--weight", self.weight != lookaside_core::DEFAULT_WEIGHT),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::Usage(anyhow!(
                "{flag} is about a registration: give --service SERVICE too"
            ))),
            None => Ok(()),
        }
    }

    /// Where to register, from flags, environment and file.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        if !self.balancer.is_empty() {
            return Ok(Place::Balancers(self.balancer.clone(), self.tls.load()?));
        }
        if self.tls.is_given() {
            return Err(Failure::Usage(anyhow!(
                "--ca is about a balancer: give --balancer HOST:PORT too (TLS to etcd is set \
                 in section etcd of --config)"
            )));
        }
        let overrides = Overrides {
            registry: self.registry.clone(),
            ..Overrides::default()
        };
        let loaded =
            load(self.config.as_deref(), std::env::vars_os(), overrides).map_err(Failure::usage)?;
        if !loaded.registry_is_set {
            return Err(Failure::Usage(anyhow!(
                "where to register? Give --registry etcd://HOST:PORT or --balancer HOST:PORT"
            )));
        }
        match &loaded.config.registry {
            RegistryUrl::Etcd(members) => Ok(Place::Etcd(members.clone(), loaded.config.into())),
            RegistryUrl::Memory => Err(Failure::Usage(anyhow!(
                "--registry memory: lives in a balancer: register through that one, \
                 with --balancer HOST:PORT"
            ))),
            file @ RegistryUrl::File(_) => Err(Failure::Usage(anyhow!(
                "--registry {file} is read only: edit the file"
            ))),
        }
    }

    /// Starts an agent for a backend of `service` at `address`.
    pub(super) async fn start(
        &self,
        service: &str,
        address: &HostPort,
        place: Place,
    ) -> Result<Agent, Failure> {
        start(self.describe(service, address), place).await
    }

    /// A backend of `service` at `address`.
    pub(super) fn describe(&self, service: &str, address: &HostPort) -> AgentBuilder {
        let builder = Agent::builder(service, address)
            .weight(self.weight)
            .ttl(self.ttl)
            .drain_time(self.drain)
            .zone(self.zone.as_deref().unwrap_or_default());
        match &self.id {
            Some(id) => builder.id(id.as_str()),
            None => builder,
        }
    }
}

/// Starts an agent for this backend.
pub(super) async fn start(backend: AgentBuilder, place: Place) -> Result<Agent, Failure> {
    let target = match place {
        Place::Balancers(balancers, None) => {
            Target::balancers(balancers).map_err(Failure::usage)?
        }
        Place::Balancers(balancers, Some(tls)) => {
            Target::balancers_with_tls(balancers, tls).map_err(Failure::usage)?
        }
        Place::Etcd(_, config) => crate::registry::etcd_target(&config).await?,
    };
    backend.register(target).map_err(Failure::usage)
}
