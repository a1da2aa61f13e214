use std::{fmt, sync::Arc};

use lookaside_core::HostPort;
use lookaside_registry::Registrar;
use tokio::sync::Notify;

use crate::BalancerRegistrar;

/// Where an agent records its backend.
#[derive(Clone)]
pub struct Target {
    pub(crate) registrar: Arc<dyn Registrar>,
    /// Rings when the connection to the registry breaks.
    pub(crate) nudge: Option<Arc<Notify>>,
}

/// Why a list of balancers is no target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// None given.
    #[error("no balancer to register with: at least one HOST:PORT is needed")]
    NoBalancer,
    /// Not an address that can be connected to.
    #[error("balancer {0} cannot be connected to: {1}")]
    Address(HostPort, Arc<str>),
}

impl Target {
    /// Registers through the first of `balancers` that takes it, and through the next
    /// when that one fails. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The list is empty, or an address is none.
    pub fn balancers(balancers: impl IntoIterator<Item = HostPort>) -> Result<Self, TargetError> {
        Ok(BalancerRegistrar::new(balancers)?.into())
    }

    /// As [`Target::balancers`], in TLS: each balancer needs a certificate for its host.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "tls")]
    pub fn balancers_with_tls(
        balancers: impl IntoIterator<Item = HostPort>,
        tls: lookaside_tls::ClientTls,
    ) -> Result<Self, TargetError> {
        Ok(BalancerRegistrar::with_tls(balancers, tls)?.into())
    }

    /// Registers in etcd itself, without a balancer.
    ///
    /// # Errors
    /// The configuration is wrong; says which field. An etcd that cannot be reached is no
    /// error: it is tried again until it works.
    #[cfg(feature = "etcd")]
    pub async fn etcd(
        config: lookaside_registry_etcd::EtcdConfig,
    ) -> Result<Self, lookaside_registry_etcd::ConfigError> {
        let registrar = lookaside_registry_etcd::EtcdRegistrar::new(config).await?;
        Ok(Self::registrar(Arc::new(registrar)))
    }

    /// Registers through any other registrar.
    pub fn registrar(registrar: Arc<dyn Registrar>) -> Self {
        Self {
            registrar,
            nudge: None,
        }
    }
}

impl From<BalancerRegistrar> for Target {
    fn from(registrar: BalancerRegistrar) -> Self {
        Self {
            nudge: Some(registrar.disconnected()),
            registrar: Arc::new(registrar),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.registrar).finish()
    }
}
