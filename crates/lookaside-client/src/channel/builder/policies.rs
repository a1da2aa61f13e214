use std::sync::Arc;

use lookaside_core::ServiceName;

use super::{Builder, target::Aim};
use crate::{
    BuildError, PolicyBuilder, PolicyRegistry,
    grpclb::{GrpclbBuilder, GrpclbSettings},
};

impl Builder {
    /// The policies that a service config may name. Default: those of this crate. (Without
    /// feature `service-config` nothing names any.)
    pub fn policies(mut self, policies: PolicyRegistry) -> Self {
        self.policies = policies;
        self
    }

    /// The service's name as its balancer knows it, if that is another one than the target.
    /// A service config's `serviceName` counts for more.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    pub(super) fn service(&self, aim: &Aim) -> Result<String, BuildError> {
        let Some(name) = &self.service_name else {
            return Ok(aim.service.clone());
        };
        let name = ServiceName::new(name).map_err(BuildError::ServiceName)?;
        Ok(name.to_string())
    }
}

/// The channel's own `grpclb`, and the policies with it among them. A user's own of this name
/// counts for more.
pub(super) fn with_grpclb(
    settings: GrpclbSettings,
    mut policies: PolicyRegistry,
) -> (Arc<dyn PolicyBuilder>, PolicyRegistry) {
    let grpclb: Arc<dyn PolicyBuilder> = Arc::new(GrpclbBuilder::new(
        settings,
        #[cfg(feature = "service-config")]
        policies.clone(),
    ));
    if policies.get(grpclb.name()).is_none() {
        policies.insert(Arc::clone(&grpclb));
    }
    (grpclb, policies)
}
