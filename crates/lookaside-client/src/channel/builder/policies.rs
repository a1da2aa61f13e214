use super::Builder;
use crate::PolicyRegistry;

impl Builder {
    /// The policies that a configuration may name. Default: those of this crate.
    pub fn policies(mut self, policies: PolicyRegistry) -> Self {
        self.policies = policies;
        self
    }
}
