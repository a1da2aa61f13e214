use std::sync::Arc;

use lookaside_client::{
    Address, ConnectivityState, Controller, Pick, PickArgs, PickResult, Picker, Policy,
    PolicyBuilder, PolicyOptions, PolicyState, ResolverUpdate, Subchannel, SubchannelState,
};

/// Sends all calls with the same `customer` header to the same backend.
#[derive(Debug)]
pub(crate) struct ByCustomer;

impl PolicyBuilder for ByCustomer {
    fn name(&self) -> &str {
        "by_customer"
    }
    fn build(&self, _: PolicyOptions) -> Box<dyn Policy> {
        Box::new(Backends(Arc::default(), Vec::new()))
    }
}

struct Backends(Arc<[Address]>, Vec<(Subchannel, SubchannelState)>);

impl Policy for Backends {
    fn resolver_update(&mut self, new: &ResolverUpdate, channel: &mut dyn Controller) {
        self.0 = new.addresses.clone().unwrap_or_else(|_| self.0.clone());
        self.work(channel);
    }
    fn subchannel_update(&mut self, _: &Subchannel, _: &SubchannelState, c: &mut dyn Controller) {
        self.work(c);
    }
    fn work(&mut self, channel: &mut dyn Controller) {
        self.1 = self.0.iter().map(|a| channel.new_subchannel(a)).collect();
        let mut ready = Vec::new();
        for (backend, state) in &self.1 {
            match state.connectivity {
                ConnectivityState::Ready => ready.push(backend.clone()),
                _ => backend.connect(),
            }
        }
        let state = match ready.is_empty() {
            true => ConnectivityState::Connecting,
            false => ConnectivityState::Ready,
        };
        channel.update_picker(PolicyState::new(state, Arc::new(Ready(ready))));
    }
    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}

struct Ready(Vec<Subchannel>);

impl Picker for Ready {
    fn pick<'p>(&'p self, call: &PickArgs<'_>) -> PickResult<'p> {
        let name = call.headers.get("customer").map(|name| name.as_bytes());
        let sum: usize = name.unwrap_or_default().iter().map(|b| *b as usize).sum();
        let backend = self.0.get(sum % self.0.len().max(1));
        backend.map_or(PickResult::Queue, |b| PickResult::Pick(Pick::new(b)))
    }
}
