use lookaside_core::{ServiceName, Settings};
use lookaside_registry::{RegistrarError, settings_json};

use super::EtcdRegistrar;

impl EtcdRegistrar {
    /// Writes a service's settings, as an operator would with `etcdctl put`: without a
    /// lease, over whatever stands there.
    ///
    /// # Errors
    /// [`RegistrarError::Unavailable`] when etcd could not be written.
    pub async fn put_settings(
        &self,
        service: &ServiceName,
        settings: &Settings,
    ) -> Result<(), RegistrarError> {
        let key = self.settings_key(service);
        let value = settings_json(settings);
        let put = self.session.call("a put", |connection| {
            let (key, value) = (key.clone(), value.clone());
            async move { connection.kv().put(key, value, None).await }
        });
        put.await.map(drop)
    }

    /// Removes a service's settings, if it has any.
    ///
    /// # Errors
    /// [`RegistrarError::Unavailable`] when etcd could not be written.
    pub async fn clear_settings(&self, service: &ServiceName) -> Result<(), RegistrarError> {
        let key = self.settings_key(service);
        let delete = self.session.call("a delete", |connection| {
            let key = key.clone();
            async move { connection.kv().delete(key, None).await }
        });
        delete.await.map(drop)
    }

    fn settings_key(&self, service: &ServiceName) -> String {
        format!("{}{service}", self.session.config().config_prefix)
    }
}
