use std::sync::Arc;

use lookaside_agent::Target;
use lookaside_core::{Drops, HostPort, ServiceName, Settings};
use lookaside_registry::{MemoryLimits, MemoryRegistry};
use lookaside_registry_etcd::{EtcdRegistrar, EtcdRegistry};

use crate::{config::Config, registry::Opened};

/// Where the demo's backends and settings are recorded.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the balancer's memory: gone with it.
    Memory(Option<Arc<MemoryRegistry>>),
    /// In an etcd, under a service name that nobody else uses.
    Etcd {
        config: Box<Config>,
        registrar: Arc<EtcdRegistrar>,
    },
}

impl Place {
    pub(crate) async fn etcd(config: Config) -> anyhow::Result<Self> {
        Ok(Self::Etcd {
            registrar: Arc::new(EtcdRegistrar::new(config.etcd()).await?),
            config: config.into(),
        })
    }

    /// The service that the demo is about.
    pub(super) fn service_name(&self) -> String {
        match self {
            Self::Memory(_) => "demo".to_owned(),
            Self::Etcd { .. } => {
                let random = std::iter::repeat_with(fastrand::lowercase);
                format!("demo-{}", random.take(6).collect::<String>())
            }
        }
    }

    /// A registry for a balancer that starts.
    pub(super) async fn open(&mut self) -> anyhow::Result<Opened> {
        match self {
            Self::Memory(current) => {
                let registry = Arc::new(MemoryRegistry::new(MemoryLimits::default()));
                *current = Some(Arc::clone(&registry));
                Ok(Opened::new(registry))
            }
            Self::Etcd { config, .. } => {
                let registry = EtcdRegistry::connect(config.etcd()).await?;
                Ok(Opened::new(Arc::new(registry)))
            }
        }
    }

    /// What a balancer on it is started with, besides its addresses.
    pub(super) fn config(&self) -> Config {
        match self {
            Self::Memory(_) => Config::default(),
            Self::Etcd { config, .. } => (**config).clone(),
        }
    }

    /// Where backends register.
    pub(super) fn target(&self, balancer: HostPort) -> anyhow::Result<Target> {
        Ok(match self {
            Self::Memory(_) => Target::balancers([balancer])?,
            Self::Etcd { registrar, .. } => {
                Target::registrar(Arc::clone(registrar) as Arc<dyn lookaside_agent::Registrar>)
            }
        })
    }

    /// Has a share of the service's calls dropped.
    pub(super) async fn set_drops(
        &self,
        service: &ServiceName,
        drops: Drops,
    ) -> anyhow::Result<()> {
        let mut settings = Settings::default();
        settings.drops = drops;
        match self {
            Self::Memory(Some(registry)) => registry.set_settings(service.clone(), settings).await,
            Self::Memory(None) => Ok(()),
            Self::Etcd { registrar, .. } => registrar.put_settings(service, &settings).await,
        }?;
        Ok(())
    }

    /// Takes the settings away again, and with them all that stays behind in etcd.
    pub(super) async fn clear_drops(&self, service: &ServiceName) -> anyhow::Result<()> {
        match self {
            Self::Memory(Some(registry)) => registry.clear_settings(service.clone()).await,
            Self::Memory(None) => Ok(()),
            Self::Etcd { registrar, .. } => registrar.clear_settings(service).await,
        }?;
        Ok(())
    }
}
