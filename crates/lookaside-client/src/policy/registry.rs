#[cfg(feature = "service-config")]
mod choose;

use std::{collections::BTreeMap, sync::Arc};

use super::{ChildPolicy, PickFirst, PolicyBuilder};

/// The policies that a configuration may name. Cheap to clone.
///
/// ```
/// use lookaside_client::PolicyRegistry;
///
/// let registry = PolicyRegistry::new();
/// assert_eq!(registry.get("round_robin").unwrap().name(), "round_robin");
/// assert!(registry.get("ring_of_fire").is_none());
/// ```
#[derive(Clone, Debug)]
pub struct PolicyRegistry(Arc<BTreeMap<String, Arc<dyn PolicyBuilder>>>);

impl PolicyRegistry {
    /// With the policies of this crate, as far as their features are enabled. (`grpclb` is
    /// made per channel and always known to it.)
    #[must_use]
    pub fn new() -> Self {
        let registry = Self(Arc::default())
            .register(ChildPolicy::RoundRobin)
            .register(PickFirst::new());
        #[cfg(feature = "policies")]
        let registry = registry
            .register(super::WeightedRoundRobin::new())
            .register(super::LeastRequest::new())
            .register(super::P2c::new());
        #[cfg(feature = "outlier")]
        let registry = registry.register(super::OutlierDetection::default());
        registry
    }

    /// Adds a policy under its own name. It takes the place of another of that name, also
    /// of one of this crate's.
    #[must_use]
    pub fn register(mut self, policy: impl PolicyBuilder) -> Self {
        self.insert(Arc::new(policy));
        self
    }

    pub(crate) fn insert(&mut self, policy: Arc<dyn PolicyBuilder>) {
        let name = policy.name().to_owned();
        Arc::make_mut(&mut self.0).insert(name, policy);
    }

    /// The policy of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn PolicyBuilder>> {
        self.0.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Default for PolicyRegistry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
