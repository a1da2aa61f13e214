use std::sync::Arc;

use super::PolicyTask;
use crate::{
    ConnectivityState, PickError, PolicyState, ResolverUpdate,
    policy::{FailingPicker, PolicyChoice},
};

impl PolicyTask {
    /// The policy to use, by the service config in force; none where there is no valid one:
    /// then calls fail with the reason (A21).
    pub(super) fn choose(&mut self, update: &ResolverUpdate) -> Option<PolicyChoice> {
        match self.makers.config.resolved(update) {
            Ok(None) => {}
            Ok(Some(calls)) => {
                self.shared.configure(calls);
                #[cfg(feature = "health")]
                self.check_health();
            }
            Err(error) => {
                tracing::warn!(error, "no valid service config");
                self.fail(PickError::new(error));
                return None;
            }
        }
        let own = self.own_choice(update);
        let config = self.makers.config.in_force();
        let asked = config.and_then(|config| config.policy.clone());
        Some(asked.unwrap_or(own))
    }

    /// As the config in force says, or else as the channel was built.
    #[cfg(feature = "health")]
    fn check_health(&mut self) {
        let config = self.makers.config.in_force();
        let asked = config.and_then(|config| config.health_service.clone());
        let check = asked.map(crate::subchannel::HealthCheck::new);
        self.pool.set_health(check.or_else(|| self.health.clone()));
    }

    fn fail(&self, error: PickError) {
        let picker = Arc::new(FailingPicker(error.clone()));
        let state = PolicyState::new(ConnectivityState::TransientFailure, picker);
        let mut state = state.with_last_error(Some(error));
        state.mode = self.makers.mode;
        self.shared.publish(state);
    }
}
