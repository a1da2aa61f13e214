use std::{sync::Arc, time::Instant};

use super::{
    OutlierDetection,
    controller::{ChildController, failed},
    hosts::{Change, Hosts},
    picker::OutlierPicker,
};
use crate::{
    Controller, Policy, PolicyOptions, PolicyState, ResolverUpdate, Subchannel, SubchannelState,
    policy::Switch,
};

/// The policy: a child, and the hosts whose calls it watches.
pub(super) struct Outlier {
    default: OutlierDetection,
    config: OutlierDetection,
    child: Switch,
    hosts: Hosts,
    rng: fastrand::Rng,
    /// When the interval began; none while nobody is to be ejected.
    began: Option<Instant>,
    /// The child's last word.
    published: Option<PolicyState>,
    /// It has not been passed on as it is to be now.
    changed: bool,
}

impl Outlier {
    pub(super) fn new(config: OutlierDetection, options: PolicyOptions) -> Self {
        Self {
            default: config.clone(),
            config,
            rng: fastrand::Rng::with_seed(options.seed),
            child: Switch::new(options),
            hosts: Hosts::default(),
            began: None,
            published: None,
            changed: false,
        }
    }

    fn with_child(
        &mut self,
        controller: &mut dyn Controller,
        resolves: bool,
        act: impl FnOnce(&mut Switch, &mut dyn Controller),
    ) {
        let mut inner = ChildController {
            outer: controller,
            hosts: &mut self.hosts,
            published: &mut self.published,
            changed: &mut self.changed,
            resolves,
        };
        act(&mut self.child, &mut inner);
    }

    /// Turns ejection on or off as the configuration says (A50: the interval that has begun
    /// goes on, with the new length).
    fn configure(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        self.config = update.config_or(&self.default).clone();
        self.changed |= self.config.settings.is_on() != self.began.is_some();
        if !self.config.settings.is_on() {
            self.began = None;
            let back = self.hosts.uneject_all();
            self.tell(back, controller);
        } else if self.began.is_none() {
            self.began = Some(controller.now());
            self.hosts.reset();
        }
    }

    fn next_sweep(&self) -> Option<Instant> {
        self.began?.checked_add(self.config.settings.interval)
    }

    fn sweep_if_due(&mut self, controller: &mut dyn Controller) {
        let now = controller.now();
        if self.next_sweep().is_none_or(|at| at > now) {
            return;
        }
        self.began = Some(now);
        let settings = self.config.settings;
        let changes = self.hosts.sweep(&settings, now, &mut self.rng);
        self.tell(changes, controller);
    }

    /// Tells the child what has become of its connections. That is no reason to resolve
    /// again: the address is right, it is the backend that is not.
    fn tell(&mut self, changes: Vec<Change>, controller: &mut dyn Controller) {
        for change in changes.iter().filter(|change| change.is_in_use()) {
            let (subchannel, state) = controller.new_subchannel(&change.address);
            let state = if change.ejected {
                failed(&change.address)
            } else {
                state
            };
            self.with_child(controller, false, |child, controller| {
                child.subchannel_update(&subchannel, &state, controller);
            });
        }
    }

    /// Passes on what the child published, and asks for time.
    fn settle(&mut self, controller: &mut dyn Controller) {
        if std::mem::take(&mut self.changed)
            && let Some(mut state) = self.published.clone()
        {
            // A50: nobody counts while nobody can be ejected.
            if self.began.is_some() {
                state.picker = Arc::new(OutlierPicker {
                    child: state.picker,
                    trackers: self.hosts.trackers(),
                });
            }
            controller.update_picker(state);
        }
        if let Some(at) = self.next_sweep() {
            controller.wake_at(at);
        }
    }
}

impl Policy for Outlier {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        if let Ok(addresses) = &update.addresses {
            let left = self.hosts.update(addresses);
            self.tell(left, controller);
        }
        self.configure(update, controller);
        let choice = self.config.child.clone();
        self.with_child(controller, true, |child, controller| {
            child.resolver_update(&choice, update, controller);
        });
        self.settle(controller);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        let host = self.hosts.get_mut(subchannel.address());
        // It hears of its connection when it is back.
        if host.is_some_and(|host| host.is_ejected()) {
            return;
        }
        self.with_child(controller, true, |child, controller| {
            child.subchannel_update(subchannel, state, controller);
        });
        self.settle(controller);
    }

    fn work(&mut self, controller: &mut dyn Controller) {
        self.sweep_if_due(controller);
        self.with_child(controller, true, |child, controller| child.work(controller));
        self.settle(controller);
    }

    fn exit_idle(&mut self, controller: &mut dyn Controller) {
        self.with_child(controller, true, |child, controller| {
            child.exit_idle(controller);
        });
        self.settle(controller);
    }

    fn reset_backoff(&mut self) {
        self.child.reset_backoff();
    }
}

#[cfg(test)]
mod tests;
