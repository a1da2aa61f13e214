use std::sync::Arc;

use lookaside_client::{
    ConnectivityState, Controller, Pick, PickArgs, PickResult, Picker, Policy, PolicyBuilder,
    PolicyOptions, PolicyState, ResolverUpdate, Subchannel, SubchannelState,
};

/// A policy that picks its only address as if it were connected, which it never is: calls
/// are picked, and not sent.
#[derive(Debug)]
pub(super) struct Hasty;

struct HastyPolicy;

struct HastyPicker(Subchannel);

impl PolicyBuilder for Hasty {
    fn name(&self) -> &str {
        "hasty"
    }

    fn build(&self, _: PolicyOptions) -> Box<dyn Policy> {
        Box::new(HastyPolicy)
    }
}

impl Policy for HastyPolicy {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        let addresses = update.addresses.as_ref().unwrap();
        let (subchannel, _) = controller.new_subchannel(&addresses[0]);
        let picker = Arc::new(HastyPicker(subchannel));
        controller.update_picker(PolicyState::new(ConnectivityState::Ready, picker));
    }

    fn subchannel_update(&mut self, _: &Subchannel, _: &SubchannelState, _: &mut dyn Controller) {}

    fn work(&mut self, _: &mut dyn Controller) {}

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}

impl Picker for HastyPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        PickResult::Pick(Pick::new(&self.0))
    }
}
