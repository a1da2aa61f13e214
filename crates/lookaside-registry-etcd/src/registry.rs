use std::sync::Arc;

use lookaside_registry::{Activity, OverrideWriter, Registrar, Registry, RegistryState};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::{
    ConfigError, EtcdConfig, EtcdRegistrar,
    connector::Connector,
    follower::Follower,
    layout::{Endpoints, OverrideKeys, SettingsKeys},
    publisher::Publisher,
};

/// Backends, settings and overrides in etcd, followed live.
#[derive(Debug)]
pub struct EtcdRegistry {
    url: String,
    state: watch::Receiver<Arc<RegistryState>>,
    registrar: Arc<EtcdRegistrar>,
    activity: Arc<Activity>,
    /// Three followers and the publisher; they end with it.
    _tasks: JoinSet<()>,
}

impl EtcdRegistry {
    /// Starts to follow etcd, from tasks on the current tokio runtime.
    ///
    /// An etcd that cannot be reached, or refuses the user, is no error: it is tried
    /// again until it works, and meanwhile the state and the log say what is wrong.
    ///
    /// # Errors
    /// The configuration is wrong; says which field.
    pub async fn connect(config: EtcdConfig) -> Result<Self, ConfigError> {
        let url = config.url();
        let (prefix, config_prefix) = (config.prefix.clone(), config.config_prefix.clone());
        let override_prefix = config.override_prefix.clone();
        let connector = Arc::new(Connector::new(config).await?);
        let activity = Arc::<Activity>::default();
        let endpoints = Endpoints {
            prefix: prefix.clone(),
        };
        let settings = SettingsKeys {
            prefix: config_prefix.clone(),
        };
        let (backends, published_backends) = Follower::new(
            endpoints,
            prefix,
            Arc::clone(&connector),
            Arc::clone(&activity),
        );
        let (settings, published_settings) = Follower::new(
            settings,
            config_prefix,
            Arc::clone(&connector),
            Arc::clone(&activity),
        );
        let overrides = OverrideKeys {
            prefix: override_prefix.clone(),
        };
        let (overrides, published_overrides) = Follower::new(
            overrides,
            override_prefix,
            Arc::clone(&connector),
            Arc::clone(&activity),
        );
        let (publisher, state) = Publisher::new(
            published_backends,
            published_settings,
            published_overrides,
            Instant::now(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(backends.run());
        tasks.spawn(settings.run());
        tasks.spawn(overrides.run());
        tasks.spawn(publisher.run());
        Ok(Self {
            url,
            state,
            registrar: Arc::new(EtcdRegistrar::over(connector)),
            activity,
            _tasks: tasks,
        })
    }
}

impl Registry for EtcdRegistry {
    fn url(&self) -> &str {
        &self.url
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.state.clone()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        Some(Arc::clone(&self.registrar) as Arc<dyn Registrar>)
    }

    fn override_writer(&self) -> Option<Arc<dyn OverrideWriter>> {
        Some(Arc::clone(&self.registrar) as Arc<dyn OverrideWriter>)
    }

    fn activity(&self) -> Option<&Activity> {
        Some(&self.activity)
    }
}
