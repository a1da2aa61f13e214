//! From configuration to a running registry.

use std::{sync::Arc, time::SystemTime};

use anyhow::Context;
use fastrand::Rng;
use lookaside_agent::Target;
use lookaside_registry::{
    DEFAULT_POLL, FileRegistry, MemoryRegistry, Registry,
    names::{NameResolver, SystemLookup},
    saved::{SavedRegistry, StateStore},
};
use lookaside_registry_etcd::EtcdRegistry;

use crate::{
    cli::Failure,
    config::{Config, RegistryUrl, State},
};

/// A registry that is followed, and what resolves its host names.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) registry: Arc<dyn Registry>,
    /// The same, where its state is kept in a directory.
    pub(crate) saved: Option<Arc<SavedRegistry>>,
    pub(crate) names: NameResolver,
}

impl Opened {
    pub(crate) fn new(registry: Arc<dyn Registry>) -> Self {
        let lookup = Arc::new(SystemLookup::new());
        let names = NameResolver::spawn(lookup, registry.subscribe(), Rng::new());
        Self {
            registry,
            saved: None,
            names,
        }
    }

    fn saved(saved: SavedRegistry) -> Self {
        let saved = Arc::new(saved);
        Self {
            saved: Some(Arc::clone(&saved)),
            ..Self::new(saved)
        }
    }
}

/// Opens the registry that a balancer follows. One that cannot be reached is tried
/// again until it can; meanwhile what is in the state directory stands in for it.
pub(crate) async fn open(config: &Config) -> Result<Opened, Failure> {
    let State { dir, grace } = &config.state;
    let store = match dir {
        Some(dir) => Some(StateStore::open(dir.clone(), config.origin()).await),
        None => None,
    };
    let registry: Arc<dyn Registry> = match &config.registry {
        RegistryUrl::Memory => {
            let memory = MemoryRegistry::new(config.registration.memory());
            return Ok(match store {
                None => Opened::new(Arc::new(memory)),
                Some(store) => {
                    let restored = SavedRegistry::restore(store, memory).await;
                    Opened::saved(restored.context("cannot restore the registry")?)
                }
            });
        }
        RegistryUrl::File(path) => {
            let file = FileRegistry::new(path, DEFAULT_POLL);
            if let Some(saved) = store.as_ref().and_then(StateStore::overrides) {
                let restored = file.restore_overrides(saved, SystemTime::now()).await;
                tracing::info!(restored, "overrides restored");
            }
            Arc::new(file)
        }
        RegistryUrl::Etcd(_) => Arc::new(
            EtcdRegistry::connect(config.etcd())
                .await
                .map_err(Failure::usage)?,
        ),
    };
    Ok(match store {
        None => Opened::new(registry),
        Some(store) => Opened::saved(SavedRegistry::follow(store, registry, *grace)),
    })
}

/// Where an agent writes that registers in etcd itself.
pub(crate) async fn etcd_target(config: &Config) -> Result<Target, Failure> {
    Target::etcd(config.etcd()).await.map_err(Failure::usage)
}
