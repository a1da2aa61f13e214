use std::time::Instant;

use super::fallback::Health;
use crate::{
    Address, ConnectivityState, Controller, PolicyOptions, PolicyState, ResolverUpdate, Subchannel,
    SubchannelState,
    policy::{PolicyChoice, Switch},
};

/// A child policy, which the configuration may change, and what it last published.
pub(super) struct Child {
    policy: Switch,
    state: Option<PolicyState>,
    /// It published since anybody looked.
    changed: bool,
}

impl Child {
    pub(super) fn new(options: PolicyOptions) -> Self {
        Self {
            policy: Switch::new(options),
            state: None,
            changed: false,
        }
    }

    /// Calls the policy.
    pub(super) fn with(
        &mut self,
        controller: &mut dyn Controller,
        act: impl FnOnce(&mut Switch, &mut dyn Controller),
    ) {
        let mut inner = ChildController {
            outer: controller,
            state: &mut self.state,
            changed: &mut self.changed,
        };
        act(&mut self.policy, &mut inner);
    }

    /// As [`Policy::reset_backoff`](crate::Policy::reset_backoff).
    pub(super) fn reset_backoff(&mut self) {
        self.policy.reset_backoff();
    }

    /// Gives it addresses, and another policy if it has another one.
    pub(super) fn update(
        &mut self,
        choice: &PolicyChoice,
        update: &ResolverUpdate,
        controller: &mut dyn Controller,
    ) {
        self.with(controller, |policy, controller| {
            policy.resolver_update(choice, update, controller);
        });
    }

    /// What it last published, if anything.
    pub(super) fn state(&self) -> Option<&PolicyState> {
        self.state.as_ref()
    }

    /// Whether it published since the last time this was asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn health(&self) -> Health {
        match self.state.as_ref().map(|state| state.connectivity) {
            Some(ConnectivityState::Ready) => Health::Ready,
            Some(ConnectivityState::TransientFailure) => Health::Failed,
            _ => Health::Pending,
        }
    }
}

struct ChildController<'a> {
    outer: &'a mut dyn Controller,
    state: &'a mut Option<PolicyState>,
    changed: &'a mut bool,
}

impl Controller for ChildController<'_> {
    fn now(&self) -> Instant {
        self.outer.now()
    }

    fn new_subchannel(&mut self, address: &Address) -> (Subchannel, SubchannelState) {
        self.outer.new_subchannel(address)
    }

    fn update_picker(&mut self, state: PolicyState) {
        *self.state = Some(state);
        *self.changed = true;
    }

    fn request_resolution(&mut self) {
        self.outer.request_resolution();
    }

    fn wake_at(&mut self, at: Instant) {
        self.outer.wake_at(at);
    }
}
