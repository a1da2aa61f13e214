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
            Ok(Some(calls)) => self.shared.configure(calls),
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

    fn fail(&self, error: PickError) {
        let picker = Arc::new(FailingPicker(error.clone()));
        let state = PolicyState::new(ConnectivityState::TransientFailure, picker);
        let mut state = state.with_last_error(Some(error));
        state.mode = self.makers.mode;
        self.shared.publish(state);
    }
}
