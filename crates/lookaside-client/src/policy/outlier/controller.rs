use std::time::Instant;

use super::hosts::Hosts;
use crate::{
    Address, ConnectivityState, Controller, PickError, PolicyState, Subchannel, SubchannelState,
};

/// What the child sees of the channel.
pub(super) struct ChildController<'a> {
    pub(super) outer: &'a mut dyn Controller,
    pub(super) hosts: &'a mut Hosts,
    pub(super) published: &'a mut Option<PolicyState>,
    pub(super) changed: &'a mut bool,
    /// Whether the child's wishes to resolve again are passed on.
    pub(super) resolves: bool,
}

impl Controller for ChildController<'_> {
    fn now(&self) -> Instant {
        self.outer.now()
    }

    fn new_subchannel(&mut self, address: &Address) -> (Subchannel, SubchannelState) {
        let (subchannel, state) = self.outer.new_subchannel(address);
        match self.hosts.get_mut(address) {
            Some(host) => {
                host.asked_for(address, subchannel.id());
                let ejected = host.is_ejected();
                (subchannel, if ejected { failed(address) } else { state })
            }
            None => (subchannel, state),
        }
    }

    fn update_picker(&mut self, state: PolicyState) {
        *self.published = Some(state);
        *self.changed = true;
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

/// What an ejected backend is to the child.
pub(super) fn failed(address: &Address) -> SubchannelState {
    let why = "ejected, its calls fail more often than those of others";
    let error = PickError::new(format!("{address}: {why}"));
    SubchannelState::with_error(ConnectivityState::TransientFailure, error)
}
