use std::sync::Arc;

use super::*;
use crate::{
    ChildPolicy, PolicyBuilder, PolicyConfig, WorkScheduler,
    policy::testing::{FakeController, addresses},
};

const READY: ConnectivityState = ConnectivityState::Ready;
const CONNECTING: ConnectivityState = ConnectivityState::Connecting;
const FAILED: ConnectivityState = ConnectivityState::TransientFailure;

/// A switch and what was last chosen, as a policy.
struct Switched(Switch, PolicyChoice);

impl Policy for Switched {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        self.0.resolver_update(&self.1, update, controller);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        self.0.subchannel_update(subchannel, state, controller);
    }

    fn work(&mut self, controller: &mut dyn Controller) {
        self.0.work(controller);
    }

    fn exit_idle(&mut self, controller: &mut dyn Controller) {
        self.0.exit_idle(controller);
    }
}

fn choice(builder: impl PolicyBuilder) -> PolicyChoice {
    PolicyChoice::new(Arc::new(builder))
}

/// One policy over backends 1 and 2, which are READY.
fn ready(policy: ChildPolicy) -> (Switched, FakeController) {
    let options = PolicyOptions::new(WorkScheduler::default(), 7);
    let mut switched = Switched(Switch::new(options), choice(policy));
    let mut channel = FakeController::new();
    switched.resolver_update(&addresses([1, 2]), &mut channel);
    channel.enter(1, READY, &mut switched);
    if policy == ChildPolicy::RoundRobin {
        channel.enter(2, READY, &mut switched);
    }
    assert_eq!(channel.state(), READY);
    (switched, channel)
}

#[test]
fn another_policy_over_the_same_connections_takes_over_at_once() {
    let (mut switched, mut channel) = ready(ChildPolicy::RoundRobin);
    switched.1 = choice(ChildPolicy::PickFirst);
    switched.resolver_update(&addresses([1, 2]), &mut channel);
    assert_eq!(channel.picks(4), [1, 1, 1, 1]);
}

#[test]
fn the_old_policy_serves_until_the_new_one_is_ready() {
    let (mut switched, mut channel) = ready(ChildPolicy::PickFirst);
    switched.1 = choice(ChildPolicy::RoundRobin);
    switched.resolver_update(&addresses([3, 4]), &mut channel);
    assert_eq!(channel.picks(2), [1, 1]);
    channel.enter(3, CONNECTING, &mut switched);
    assert_eq!(channel.picks(2), [1, 1]);
    channel.enter(3, READY, &mut switched);
    assert_eq!(channel.picks(2), [3, 3]);
}

#[test]
fn the_new_policys_failure_is_what_was_asked_for() {
    let (mut switched, mut channel) = ready(ChildPolicy::PickFirst);
    switched.1 = choice(ChildPolicy::RoundRobin);
    switched.resolver_update(&addresses([3]), &mut channel);
    channel.enter(3, FAILED, &mut switched);
    assert_eq!(
        channel.pick().unwrap_err(),
        "no connection to 10.0.0.3:1: refused"
    );
}

#[test]
fn an_old_policy_that_serves_nobody_is_not_waited_for() {
    let (mut switched, mut channel) = ready(ChildPolicy::PickFirst);
    channel.enter(1, ConnectivityState::Idle, &mut switched);
    assert_eq!(channel.state(), ConnectivityState::Idle);
    switched.1 = choice(ChildPolicy::RoundRobin);
    switched.resolver_update(&addresses([3]), &mut channel);
    assert_eq!(channel.state(), CONNECTING);
    // It is the new one that is told.
    channel.enter(3, READY, &mut switched);
    assert_eq!(channel.pick(), Ok(3));
}

#[test]
fn who_is_chosen_again_before_it_left_stays() {
    let (mut switched, mut channel) = ready(ChildPolicy::PickFirst);
    switched.1 = choice(ChildPolicy::RoundRobin);
    switched.resolver_update(&addresses([3]), &mut channel);
    switched.1 = choice(ChildPolicy::PickFirst);
    switched.resolver_update(&addresses([1, 3]), &mut channel);
    assert_eq!(channel.pick(), Ok(1));
    channel.enter(3, READY, &mut switched);
    assert_eq!(channel.pick(), Ok(1));
}

#[test]
fn only_the_policy_that_stays_asks_to_resolve_again() {
    let (mut switched, mut channel) = ready(ChildPolicy::PickFirst);
    switched.1 = choice(ChildPolicy::RoundRobin);
    switched.resolver_update(&addresses([3]), &mut channel);
    let before = channel.resolutions;
    // pick_first would ask for it.
    channel.enter(1, ConnectivityState::Idle, &mut switched);
    assert_eq!(channel.resolutions, before);
}

/// Fails with what it is configured with, or else with this, counting how often it was made.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<std::sync::atomic::AtomicUsize>, &'static str);

impl PolicyBuilder for Recorder {
    fn name(&self) -> &str {
        "recorder"
    }

    fn build(&self, _: PolicyOptions) -> Box<dyn Policy> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::new(Recording(self.1))
    }
}

struct Recording(&'static str);

impl Policy for Recording {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        assert_eq!(update.service_config, None, "the channel's own");
        let config = update.policy_config.as_ref();
        let text: &str = config
            .and_then(|config| config.get())
            .copied()
            .unwrap_or(self.0);
        let error = crate::PickError::new(text);
        let picker = Arc::new(crate::policy::FailingPicker(error));
        controller.update_picker(PolicyState::new(FAILED, picker));
    }

    fn subchannel_update(&mut self, _: &Subchannel, _: &SubchannelState, _: &mut dyn Controller) {}

    fn work(&mut self, _: &mut dyn Controller) {}

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}

#[test]
fn a_policy_keeps_its_place_and_is_told_of_its_new_configuration() {
    let recorder = Recorder(Arc::default(), "none");
    let options = PolicyOptions::new(WorkScheduler::default(), 7);
    let mut switched = Switched(Switch::new(options), choice(recorder.clone()));
    let mut channel = FakeController::new();
    let update = addresses([1]).with_service_config(Ok("{}".into()));
    for config in [None, Some("a"), Some("b")] {
        switched.1.config = config.map(PolicyConfig::new);
        switched.resolver_update(&update, &mut channel);
        assert_eq!(channel.pick().unwrap_err(), config.unwrap_or("none"));
    }
    assert_eq!(recorder.0.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn what_a_builder_was_told_holds_again_when_a_configuration_of_its_policys_name_is_gone() {
    let options = PolicyOptions::new(WorkScheduler::default(), 7);
    let mut registered = choice(Recorder(Arc::default(), "the registry's"));
    registered.config = Some(PolicyConfig::new("a"));
    let own = choice(Recorder(Arc::default(), "the channel's own"));
    let mut switched = Switched(Switch::new(options), registered);
    let mut channel = FakeController::new();
    switched.resolver_update(&addresses([1]), &mut channel);
    assert_eq!(channel.pick().unwrap_err(), "a");
    switched.1 = own;
    for _ in 0..2 {
        switched.resolver_update(&addresses([1]), &mut channel);
        assert_eq!(channel.pick().unwrap_err(), "the channel's own");
    }
}
