//! The kit's etcd, with what concerns registries.

use std::ops::{Deref, DerefMut};

use lookaside_registry_etcd::EtcdConfig;
pub(crate) use lookaside_tests::etcd::{Tls, value};

/// One member. Dropping it kills it.
pub(crate) struct Etcd(lookaside_tests::Etcd);

impl Etcd {
    pub(crate) async fn start() -> Self {
        Self(lookaside_tests::Etcd::start().await)
    }

    pub(crate) async fn start_with(tls: Option<Tls>) -> Self {
        Self(lookaside_tests::Etcd::start_with(tls).await)
    }

    pub(crate) fn config(&self) -> EtcdConfig {
        crate::support::config(self.client_port)
    }

    /// A backend that nobody dials.
    pub(crate) async fn put_backend(&self, service: &str, id: &str, weight: u32) {
        self.keys().await.put_backend(service, id, weight).await;
    }
}

impl Deref for Etcd {
    type Target = lookaside_tests::Etcd;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Etcd {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
