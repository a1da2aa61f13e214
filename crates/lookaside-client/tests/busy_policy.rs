//! A policy whose every piece of work asks for the next.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use lookaside_client::{
    Channel, ConnectivityState, Controller, Pick, PickArgs, PickResult, Picker, Policy,
    PolicyBuilder, PolicyOptions, PolicyState, ResolverUpdate, Subchannel, SubchannelState,
    WorkScheduler,
};
use support::{addr, backend::Backend, calls::call, net::Net, text};

/// An end, so that a channel that never lets go fails the test and does not hang it.
const ENOUGH: u64 = 1_000_000;

#[derive(Clone, Debug, Default)]
struct Busy(Arc<AtomicU64>);

struct BusyPolicy {
    done: Arc<AtomicU64>,
    work: WorkScheduler,
    subchannel: Option<Subchannel>,
}

struct To(Subchannel);

impl PolicyBuilder for Busy {
    fn name(&self) -> &str {
        "busy"
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        Box::new(BusyPolicy {
            done: Arc::clone(&self.0),
            work: options.work,
            subchannel: None,
        })
    }
}

impl Policy for BusyPolicy {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        let (subchannel, _) = controller.new_subchannel(&update.addresses.as_ref().unwrap()[0]);
        subchannel.connect();
        self.subchannel = Some(subchannel);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        if state.connectivity == ConnectivityState::Ready {
            let picker = Arc::new(To(subchannel.clone()));
            controller.update_picker(PolicyState::new(ConnectivityState::Ready, picker));
        }
    }

    fn work(&mut self, _: &mut dyn Controller) {
        if self.done.fetch_add(1, SeqCst) < ENOUGH {
            self.work.schedule_work();
        }
    }

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}

impl Picker for To {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        PickResult::Pick(Pick::new(&self.0))
    }
}

#[tokio::test]
async fn a_policy_that_always_has_work_leaves_others_their_turns() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let busy = Busy::default();
    let channel = Channel::builder("orders")
        .connector(net)
        .addresses([text(1)])
        .child_policy(busy.clone())
        .build()
        .unwrap();
    for _ in 0..10 {
        call(&channel).await.unwrap();
    }
    let done = busy.0.load(SeqCst);
    assert!((1..ENOUGH).contains(&done), "{done} pieces of work");
}
