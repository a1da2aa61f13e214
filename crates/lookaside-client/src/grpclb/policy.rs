use std::{sync::Arc, time::Instant};

use super::{
    GrpclbSettings, child::Child, config::InForce, events::StreamEvent, fallback::Fallback,
    listed::Listed, stats::Stats, stream::BalancerStream,
};
use crate::{
    Address, ConnectivityState, Controller, Event, Mode, PickError, Policy, PolicyConfig,
    PolicyOptions, PolicyState, ResolveError, ResolverUpdate, Subchannel, SubchannelState,
    policy::{FailingPicker, QueuingPicker},
};

/// The policy: owns the stream, the children and the decision between them.
pub(super) struct Grpclb {
    settings: GrpclbSettings,
    config: InForce,
    options: PolicyOptions,
    decision: Fallback,
    stats: Arc<Stats>,
    stream: Option<BalancerStream>,
    /// What follows the balancer's list. Also while in fallback, once a list has come.
    listed: Option<Listed>,
    /// Present exactly in fallback.
    fallback: Option<Child>,
    fallback_addresses: Result<Arc<[Address]>, ResolveError>,
    /// What is published is out of date.
    changed: bool,
}

impl Grpclb {
    pub(super) fn new(settings: GrpclbSettings, options: PolicyOptions) -> Self {
        Self {
            config: InForce::new(None, &settings),
            settings,
            options,
            decision: Fallback::new(),
            stats: Arc::default(),
            stream: None,
            listed: None,
            fallback: None,
            fallback_addresses: Ok(Arc::default()),
            changed: true,
        }
    }

    /// What is configured, where it is other than before. Connections, lists and fallback
    /// go on whatever it is.
    fn configure(&mut self, config: Option<&PolicyConfig>, controller: &mut dyn Controller) {
        let config = config.and_then(PolicyConfig::get);
        let new = InForce::new(config, &self.settings);
        let old = std::mem::replace(&mut self.config, new);
        let new = &self.config;
        if new.fallback_timeout != old.fallback_timeout {
            self.decision.startup_timeout(new.fallback_timeout);
        }
        if new.service != old.service {
            tracing::info!(
                service = new.service,
                before = old.service,
                "the service's name changes"
            );
            // Calls that were made under the old name are not the new one's: their counters
            // stay with the old list.
            self.stats = Arc::default();
            if let Some(stream) = &mut self.stream {
                stream.restart(&new.service, &self.stats);
                self.decision.stream_replaced();
            }
        }
        if new.child != old.child
            && let Some(listed) = &mut self.listed
        {
            listed.reconfigure(&new.child, controller);
        }
    }

    fn balancers(&mut self, balancers: &Result<Arc<[Address]>, ResolveError>, now: Instant) {
        match balancers {
            Ok(balancers) if balancers.is_empty() => {
                self.stream = None;
                self.decision.no_balancers(now);
            }
            // The balancers known so far stay.
            Err(error) if self.stream.is_some() => {
                tracing::warn!(%error, "could not resolve the balancers again");
            }
            found => {
                let stream = self.stream.get_or_insert_with(|| {
                    let work = self.options.work.clone();
                    BalancerStream::open(&self.settings, &self.config.service, &self.stats, work)
                });
                stream.set_balancers(found.clone());
                self.decision.started(now, self.config.fallback_timeout);
            }
        }
    }

    fn addresses(
        &mut self,
        addresses: &Result<Arc<[Address]>, ResolveError>,
        controller: &mut dyn Controller,
    ) {
        let known = matches!(&self.fallback_addresses, Ok(known) if !known.is_empty());
        if let (Err(error), true) = (addresses, known) {
            tracing::warn!(%error, "could not resolve the fallback addresses again");
        } else {
            self.fallback_addresses = addresses.clone();
            let has = !matches!(addresses, Ok(addresses) if addresses.is_empty());
            self.decision.has_fallback(has, controller.now());
        }
        if let Some(child) = &mut self.fallback {
            let update = fallback_update(&self.fallback_addresses);
            child.update(&self.config.child, &update, controller);
        }
    }

    fn event(&mut self, event: StreamEvent, controller: &mut dyn Controller) {
        let now = controller.now();
        match event {
            StreamEvent::Unreachable(why) => {
                self.decision.unreachable(why, now);
                // They may have moved.
                controller.request_resolution();
            }
            StreamEvent::Ended(why) => {
                self.decision.stream_ended(why, now);
                controller.request_resolution();
            }
            StreamEvent::FallbackResponse => {
                self.decision.told();
                // Void, even if it was in fallback before.
                self.listed = None;
            }
            StreamEvent::List(list) => {
                if let Some(first) = list.problems.first() {
                    let (service, problems) = (&self.config.service, list.problems.len());
                    tracing::warn!(service, problems, example = %first, "bad entries in the list");
                }
                tracing::debug!(
                    service = self.config.service,
                    entries = list.slots.len(),
                    backends = list.backends.len(),
                    "list"
                );
                let before = self.listed.as_ref().map(Listed::list);
                let summary = Event::List(list.summary(before));
                self.settings.observers.tell(&summary);
                self.decision.list(list.is_only_drops(), now);
                let listed = self.listed.take();
                let listed = Listed::update(
                    listed,
                    list,
                    &self.stats,
                    &self.config.child,
                    || Child::new(self.child_options()),
                    controller,
                );
                self.listed = Some(listed);
                self.changed = true;
            }
        }
    }

    fn child_options(&self) -> PolicyOptions {
        PolicyOptions::new(self.options.work.clone(), fastrand::u64(..))
    }

    /// Brings the children in line with the decision, and the decision in line with the
    /// children, until both agree; then publishes.
    fn settle(&mut self, controller: &mut dyn Controller) {
        let now = controller.now();
        loop {
            let before = self.decision.mode();
            if let Some(listed) = &self.listed {
                self.decision.listed(listed.health(), now);
            }
            if let Some(child) = &self.fallback {
                self.decision.fallback(child.health(), now);
            }
            self.decision.tick(now);
            let mode = self.decision.mode();
            match mode {
                Mode::Fallback if self.fallback.is_none() => self.enter_fallback(controller),
                Mode::Balancer if self.fallback.is_some() => {
                    tracing::info!(service = self.config.service, "left fallback");
                    self.fallback = None;
                    self.changed = true;
                }
                _ if mode == before => break,
                _ => {}
            }
        }
        self.changed |= match self.decision.mode() {
            Mode::Fallback => self.fallback.as_mut().is_some_and(Child::take_changed),
            _ => self.listed.as_mut().is_some_and(Listed::take_changed),
        };
        if self.changed {
            self.changed = false;
            controller.update_picker(self.publication());
        }
        if let Some(at) = self.decision.deadline() {
            controller.wake_at(at);
        }
    }

    fn enter_fallback(&mut self, controller: &mut dyn Controller) {
        if let Some(reason) = self.decision.reason() {
            tracing::warn!(service = self.config.service, %reason, "entered fallback");
            let reason = reason.to_string();
            let event = Event::Fallback { reason: &reason };
            self.settings.observers.tell(&event);
        }
        // Its connections linger, should the next list have them.
        if !self.decision.has_list() {
            self.listed = None;
        }
        let mut child = Child::new(self.child_options());
        let update = fallback_update(&self.fallback_addresses);
        child.update(&self.config.child, &update, controller);
        self.fallback = Some(child);
        self.changed = true;
    }

    fn publication(&self) -> PolicyState {
        let mode = self.decision.mode();
        let mut state = match (mode, &self.listed, &self.fallback) {
            (Mode::Balancer, Some(listed), _) => listed.publication(&self.config.service),
            (Mode::Fallback, _, Some(child)) => self.fallback_publication(child),
            _ => waiting(),
        };
        state.mode = mode;
        state
    }

    fn fallback_publication(&self, child: &Child) -> PolicyState {
        let Some(state) = child.state() else {
            return waiting();
        };
        if state.connectivity != ConnectivityState::TransientFailure {
            return state.clone();
        }
        let reason = self.decision.reason().map(ToString::to_string);
        let reason = reason.unwrap_or_default();
        let text = match (&self.fallback_addresses, &state.last_error) {
            (Ok(addresses), _) if addresses.is_empty() => {
                format!("{reason}, and there are no fallback addresses")
            }
            (_, Some(error)) => format!("in fallback because {reason}: {error}"),
            (_, None) => format!("in fallback because {reason}: no backend is reachable"),
        };
        let error = PickError::new(text);
        PolicyState::new(
            ConnectivityState::TransientFailure,
            Arc::new(FailingPicker(error.clone())),
        )
        .with_last_error(Some(error))
    }
}

fn waiting() -> PolicyState {
    PolicyState::new(ConnectivityState::Connecting, Arc::new(QueuingPicker))
}

fn fallback_update(addresses: &Result<Arc<[Address]>, ResolveError>) -> ResolverUpdate {
    match addresses {
        Ok(addresses) => ResolverUpdate::new(Arc::clone(addresses)),
        Err(error) => ResolverUpdate::error(error.clone()),
    }
}

impl Policy for Grpclb {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        let now = controller.now();
        self.configure(update.policy_config.as_ref(), controller);
        self.addresses(&update.addresses, controller);
        self.balancers(&update.balancers, now);
        self.settle(controller);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        if let Some(child) = self.listed.as_mut().and_then(Listed::child_mut) {
            // The balancer knows whether its backends serve (A17).
            let state = state.without_health();
            child.with(controller, |policy, controller| {
                policy.subchannel_update(subchannel, &state, controller);
            });
        }
        if let Some(child) = &mut self.fallback {
            child.with(controller, |policy, controller| {
                policy.subchannel_update(subchannel, state, controller);
            });
        }
        self.settle(controller);
    }

    fn work(&mut self, controller: &mut dyn Controller) {
        let events = self.stream.as_mut().map(BalancerStream::take_events);
        for event in events.into_iter().flatten() {
            self.event(event, controller);
        }
        let children = self.listed.as_mut().and_then(Listed::child_mut);
        for child in children.into_iter().chain(&mut self.fallback) {
            child.with(controller, |policy, controller| policy.work(controller));
        }
        self.settle(controller);
    }

    fn reset_backoff(&mut self) {
        if let Some(stream) = &self.stream {
            stream.reset_backoff();
        }
        let children = self.listed.as_mut().and_then(Listed::child_mut);
        for child in children.into_iter().chain(&mut self.fallback) {
            child.reset_backoff();
        }
    }

    fn exit_idle(&mut self, controller: &mut dyn Controller) {
        let children = self.listed.as_mut().and_then(Listed::child_mut);
        for child in children.into_iter().chain(&mut self.fallback) {
            child.with(controller, |policy, controller| {
                policy.exit_idle(controller)
            });
        }
        self.settle(controller);
    }
}
