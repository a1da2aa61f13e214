use super::Builder;
use crate::{
    BuildError, PolicyRegistry,
    service_config::{ConfigSource, ServiceConfig},
};

impl Builder {
    /// The service config to use where the resolver finds none: JSON, as gRPC defines it.
    /// Requires feature `service-config`.
    ///
    /// ```
    /// # use lookaside_client::Channel;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), lookaside_client::BuildError> {
    /// let channel = Channel::builder("orders")
    ///     .balancers(["10.0.0.1:7400"])
    ///     .default_service_config(
    ///         r#"{
    ///             "loadBalancingConfig": [
    ///                 {"grpclb": {"childPolicy": [{"pick_first": {}}]}}
    ///             ],
    ///             "methodConfig": [
    ///                 {"name": [{"service": "shop.Orders"}], "timeout": "1.5s"}
    ///             ]
    ///         }"#,
    ///     )
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn default_service_config(mut self, json: impl Into<String>) -> Self {
        self.service_config.default = Some(json.into());
        self
    }

    /// Ignores the service configs that the resolver finds. The default one holds, from the
    /// beginning. Requires feature `service-config`.
    pub fn disable_service_config(mut self) -> Self {
        self.service_config.ignore_resolver = true;
        self
    }
}

/// As given.
#[derive(Debug, Default)]
pub(super) struct ServiceConfigSettings {
    default: Option<String>,
    ignore_resolver: bool,
}

impl ServiceConfigSettings {
    pub(super) fn source(&self, policies: PolicyRegistry) -> Result<ConfigSource, BuildError> {
        let default = self.default.as_deref().unwrap_or("{}");
        let default = ServiceConfig::parse(default, &policies)
            .map_err(|error| BuildError::ServiceConfig(error.to_string()))?;
        Ok(ConfigSource::new(policies, default, self.ignore_resolver))
    }
}
