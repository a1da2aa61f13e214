//! From configuration to a running registry.

use std::sync::Arc;

use fastrand::Rng;
use lookaside_agent::Target;
use lookaside_registry::{
    DEFAULT_POLL, FileRegistry, MemoryLimits, MemoryRegistry, Registry,
    names::{NameResolver, SystemLookup},
};
use lookaside_registry_etcd::EtcdRegistry;

use crate::{
    cli::Failure,
    config::{Config, RegistryUrl},
};

/// A registry that is followed, and what resolves its host names.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) names: NameResolver,
}

impl Opened {
    pub(crate) fn new(registry: Arc<dyn Registry>) -> Self {
        let lookup = Arc::new(SystemLookup::new());
        let names = NameResolver::spawn(lookup, registry.subscribe(), Rng::new());
        Self { registry, names }
    }
}

/// Opens the registry that a balancer follows. One that cannot be reached is tried
/// again until it can.
pub(crate) async fn open(config: &Config) -> Result<Opened, Failure> {
    let registry: Arc<dyn Registry> = match &config.registry {
        RegistryUrl::Memory => Arc::new(MemoryRegistry::new(MemoryLimits::default())),
        RegistryUrl::File(path) => Arc::new(FileRegistry::new(path, DEFAULT_POLL)),
        RegistryUrl::Etcd(_) => Arc::new(
            EtcdRegistry::connect(config.etcd())
                .await
                .map_err(Failure::usage)?,
        ),
    };
    Ok(Opened::new(registry))
}

/// Where an agent writes that registers in etcd itself.
pub(crate) async fn etcd_target(config: &Config) -> Result<Target, Failure> {
    Target::etcd(config.etcd()).await.map_err(Failure::usage)
}
