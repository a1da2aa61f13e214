use std::sync::Arc;

use super::{PolicyBuilder, PolicyConfig};

/// A policy, and what it is configured with.
#[derive(Clone, Debug)]
pub(crate) struct PolicyChoice {
    pub(crate) builder: Arc<dyn PolicyBuilder>,
    pub(crate) config: Option<PolicyConfig>,
}

impl PolicyChoice {
    /// As its builder makes it.
    pub(crate) fn new(builder: Arc<dyn PolicyBuilder>) -> Self {
        Self {
            builder,
            config: None,
        }
    }
}

/// The same builder and configuration, not ones that say the same.
impl PartialEq for PolicyChoice {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.builder, &other.builder) && self.config == other.config
    }
}
