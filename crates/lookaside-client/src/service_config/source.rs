use std::sync::Arc;

use super::{MethodTable, ServiceConfig};
use crate::{PolicyRegistry, ResolveError, ResolverUpdate};

#[cfg(feature = "retry")]
use super::RetryThrottle;

/// Decides which service config is in force (A21).
///
/// - What the resolver found counts; where it found none, the channel's default.
/// - An invalid one changes nothing. Where there is nothing to keep, calls fail with its
///   text: to go on as if nothing had been asked for could be worse.
/// - What could not be resolved at all has no say.
pub(crate) struct ConfigSource {
    policies: PolicyRegistry,
    default: Arc<ServiceConfig>,
    ignore_resolver: bool,
    /// None until the resolver has found something, with a config or without.
    in_force: Option<Arc<ServiceConfig>>,
    /// The last valid text and what it says: the same text is the same configuration, in
    /// which no policy has to look for changes.
    last: Option<(Arc<str>, Arc<ServiceConfig>)>,
    #[cfg(feature = "retry")]
    throttle: Option<Arc<RetryThrottle>>,
}

/// What calls need of a service config.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallConfig {
    pub(crate) methods: Arc<MethodTable>,
    /// Of the whole channel.
    #[cfg(feature = "retry")]
    pub(crate) throttle: Option<Arc<RetryThrottle>>,
}

impl ConfigSource {
    pub(crate) fn new(
        policies: PolicyRegistry,
        default: ServiceConfig,
        ignore_resolver: bool,
    ) -> Self {
        Self {
            policies,
            default: Arc::new(default),
            ignore_resolver,
            in_force: None,
            last: None,
            #[cfg(feature = "retry")]
            throttle: None,
        }
    }

    /// For channels that are nobody's service.
    pub(crate) fn none() -> Self {
        Self::new(PolicyRegistry::new(), ServiceConfig::default(), true)
    }

    /// What is in force before the resolver's first word: something only where it has no say.
    pub(crate) fn begin(&mut self) -> Option<CallConfig> {
        self.ignore_resolver.then(|| {
            let default = Arc::clone(&self.default);
            self.put_in_force(default)
        })
    }

    /// Takes note of what the resolver found. What calls need of the config, if it is
    /// another one than before.
    ///
    /// # Errors
    /// There is no valid config: why.
    pub(crate) fn resolved(
        &mut self,
        update: &ResolverUpdate,
    ) -> Result<Option<CallConfig>, String> {
        let found = if self.ignore_resolver {
            Ok(Arc::clone(&self.default))
        } else {
            match &update.service_config {
                None if nothing_found(update) => return Ok(None),
                None => Ok(Arc::clone(&self.default)),
                Some(json) => self.read(json),
            }
        };
        match (found, &self.in_force) {
            (Ok(config), Some(before)) if Arc::ptr_eq(&config, before) => Ok(None),
            (Ok(config), _) => Ok(Some(self.put_in_force(config))),
            (Err(error), Some(_)) => {
                tracing::warn!(error, "invalid service config, the last one stays");
                Ok(None)
            }
            (Err(error), None) => Err(format!("service config: {error}")),
        }
    }

    /// The config in force.
    pub(crate) fn in_force(&self) -> Option<&Arc<ServiceConfig>> {
        self.in_force.as_ref()
    }

    fn read(
        &mut self,
        json: &Result<Arc<str>, ResolveError>,
    ) -> Result<Arc<ServiceConfig>, String> {
        let json = json.as_ref().map_err(ToString::to_string)?;
        if let Some((text, config)) = &self.last
            && text == json
        {
            return Ok(Arc::clone(config));
        }
        let config = ServiceConfig::parse(json, &self.policies);
        let config = Arc::new(config.map_err(|error| error.to_string())?);
        self.last = Some((Arc::clone(json), Arc::clone(&config)));
        Ok(config)
    }

    fn put_in_force(&mut self, config: Arc<ServiceConfig>) -> CallConfig {
        #[cfg(feature = "retry")]
        self.renew_throttle(&config);
        let calls = CallConfig {
            methods: Arc::clone(&config.methods),
            #[cfg(feature = "retry")]
            throttle: self.throttle.clone(),
        };
        self.in_force = Some(config);
        calls
    }

    /// A bucket goes on as it is, or as full as it is.
    #[cfg(feature = "retry")]
    fn renew_throttle(&mut self, config: &ServiceConfig) {
        let before = self.throttle.as_deref();
        if before.map(RetryThrottle::settings) != config.throttling {
            let new = |settings| Arc::new(RetryThrottle::new(settings, before));
            self.throttle = config.throttling.map(new);
        }
    }
}

/// Neither backends nor balancers: what the resolver says is that it does not know.
fn nothing_found(update: &ResolverUpdate) -> bool {
    let balancers = matches!(&update.balancers, Ok(balancers) if !balancers.is_empty());
    update.addresses.is_err() && !balancers
}

#[cfg(test)]
mod tests;
