use std::{sync::Arc, time::Instant};

use super::{Controller, Policy, PolicyBuilder, PolicyChoice, PolicyOptions, PolicyState};
use crate::{Address, ConnectivityState, ResolverUpdate, Subchannel, SubchannelState};

/// Where one policy takes another's place when the configuration says so, without a gap.
///
/// The policy of the old name goes on until the one of the new name has something to offer:
/// until it is no longer CONNECTING, or the old one is not READY itself. (gRPC calls this a
/// graceful switch.) Under the same name, a policy is told of its new configuration and
/// stays; where there is none, it is what its builder was told that holds, so that it stays
/// only if it is that builder's.
pub(crate) struct Switch {
    options: PolicyOptions,
    /// Gives every policy a seed of its own.
    seeds: fastrand::Rng,
    /// Whose pickers are published.
    current: Option<Held>,
    /// Has a name of its own, and takes its place as soon as it can.
    pending: Option<Held>,
}

struct Held {
    policy: Box<dyn Policy>,
    builder: Arc<dyn PolicyBuilder>,
    /// As it last published it.
    connectivity: Option<ConnectivityState>,
    /// What has not been passed on yet.
    unpublished: Option<PolicyState>,
}

impl Switch {
    /// Without a policy, until the first update names one.
    pub(crate) fn new(options: PolicyOptions) -> Self {
        Self {
            seeds: fastrand::Rng::with_seed(options.seed),
            options,
            current: None,
            pending: None,
        }
    }

    /// Passes an update to the policy that is chosen now, with what it is configured with.
    pub(crate) fn resolver_update(
        &mut self,
        choice: &PolicyChoice,
        update: &ResolverUpdate,
        controller: &mut dyn Controller,
    ) {
        let mut update = update.clone();
        update.service_config = None;
        update.policy_config = choice.config.clone();
        let chosen = self.hold(choice);
        chosen.act(true, controller, |policy, controller| {
            policy.resolver_update(&update, controller);
        });
        self.settle(controller);
    }

    /// The policy that is chosen: one that there is, or a new one.
    #[expect(clippy::expect_used, reason = "the branches leave or make one")]
    fn hold(&mut self, choice: &PolicyChoice) -> &mut Held {
        let is_chosen = |held: &Option<Held>| held.as_ref().is_some_and(|held| held.is(choice));
        if is_chosen(&self.current) {
            // The other one never had its turn.
            self.pending = None;
        } else if self.current.is_some() && !is_chosen(&self.pending) {
            tracing::info!(policy = choice.builder.name(), "policy changes");
            self.pending = Some(self.build(choice));
        } else if self.current.is_none() {
            self.current = Some(self.build(choice));
        }
        let held = self.pending.as_mut().or(self.current.as_mut());
        held.expect("the policy that is chosen")
    }

    fn build(&mut self, choice: &PolicyChoice) -> Held {
        let options = PolicyOptions {
            seed: self.seeds.u64(..),
            ..self.options.clone()
        };
        Held {
            policy: choice.builder.build(options),
            builder: Arc::clone(&choice.builder),
            connectivity: None,
            unpublished: None,
        }
    }

    /// As [`Policy::subchannel_update`].
    pub(crate) fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        self.each(controller, |policy, controller| {
            policy.subchannel_update(subchannel, state, controller);
        });
    }

    /// As [`Policy::work`].
    pub(crate) fn work(&mut self, controller: &mut dyn Controller) {
        self.each(controller, |policy, controller| policy.work(controller));
    }

    /// As [`Policy::exit_idle`].
    pub(crate) fn exit_idle(&mut self, controller: &mut dyn Controller) {
        self.each(controller, |policy, controller| {
            policy.exit_idle(controller);
        });
    }

    /// As [`Policy::reset_backoff`].
    pub(crate) fn reset_backoff(&mut self) {
        for held in self.current.iter_mut().chain(&mut self.pending) {
            held.policy.reset_backoff();
        }
    }

    fn each(
        &mut self,
        controller: &mut dyn Controller,
        mut act: impl FnMut(&mut dyn Policy, &mut dyn Controller),
    ) {
        // Who is about to leave has no say in when to resolve.
        let stays = self.pending.is_none();
        if let Some(current) = &mut self.current {
            current.act(stays, controller, &mut act);
        }
        if let Some(pending) = &mut self.pending {
            pending.act(true, controller, &mut act);
        }
        self.settle(controller);
    }

    /// After anything happened: swaps if it is time to, and publishes what is new.
    fn settle(&mut self, controller: &mut dyn Controller) {
        let state_of = |held: &Option<Held>| held.as_ref().and_then(|held| held.connectivity);
        let serves = state_of(&self.current) == Some(ConnectivityState::Ready);
        let swap = match state_of(&self.pending) {
            None => false,
            Some(ConnectivityState::Connecting) => !serves,
            Some(_) => true,
        };
        if swap {
            self.current = self.pending.take();
        }
        if let Some(current) = &mut self.current
            && let Some(state) = current.unpublished.take()
        {
            controller.update_picker(state);
        }
    }
}

impl Held {
    /// Whether it is what is chosen, or becomes it by its configuration.
    fn is(&self, choice: &PolicyChoice) -> bool {
        self.builder.name() == choice.builder.name()
            && (choice.config.is_some() || Arc::ptr_eq(&self.builder, &choice.builder))
    }

    fn act(
        &mut self,
        resolves: bool,
        controller: &mut dyn Controller,
        act: impl FnOnce(&mut dyn Policy, &mut dyn Controller),
    ) {
        let mut inner = Inner {
            outer: controller,
            published: &mut self.unpublished,
            resolves,
        };
        act(&mut *self.policy, &mut inner);
        if let Some(state) = &self.unpublished {
            self.connectivity = Some(state.connectivity);
        }
    }
}

/// Keeps what a policy publishes.
struct Inner<'a> {
    outer: &'a mut dyn Controller,
    published: &'a mut Option<PolicyState>,
    resolves: bool,
}

impl Controller for Inner<'_> {
    fn now(&self) -> Instant {
        self.outer.now()
    }

    fn new_subchannel(&mut self, address: &Address) -> (Subchannel, SubchannelState) {
        self.outer.new_subchannel(address)
    }

    fn update_picker(&mut self, state: PolicyState) {
        *self.published = Some(state);
    }

    fn request_resolution(&mut self) {
        if self.resolves {
            self.outer.request_resolution();
        }
    }

    fn wake_at(&mut self, at: Instant) {
        self.outer.wake_at(at);
    }
}

#[cfg(test)]
mod tests;
