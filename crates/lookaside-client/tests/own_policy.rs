//! A policy and a resolver that a user might write, on the public traits alone.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "../examples/own_policy/policy.rs"]
mod by_customer;
mod support;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use lookaside_client::{
    Address, CallEnd, CallTracker, Channel, ConnectivityState, Controller, Pick, PickArgs,
    PickResult, Picker, Policy, PolicyBuilder, PolicyOptions, PolicyState, Resolver,
    ResolverBuilder, ResolverController, ResolverUpdate, Subchannel, SubchannelState,
    WorkScheduler,
};
use support::{
    addr,
    backend::Backend,
    calls::{call_with, patient_call},
    net::Net,
    text,
};
use tonic::Code;

/// Addresses that the application sets.
#[derive(Clone, Debug, Default)]
struct Fleet(Arc<Mutex<(Vec<Address>, Option<WorkScheduler>)>>);

impl Fleet {
    fn set(&self, ns: impl IntoIterator<Item = u8>) {
        let mut state = self.0.lock().unwrap();
        state.0 = ns.into_iter().map(|n| Address::new(addr(n))).collect();
        if let Some(work) = &state.1 {
            work.schedule_work();
        }
    }
}

impl ResolverBuilder for Fleet {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        self.0.lock().unwrap().1 = Some(work);
        Box::new(self.clone())
    }
}

impl Resolver for Fleet {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let addresses = std::mem::take(&mut self.0.lock().unwrap().0);
        if !addresses.is_empty() {
            controller.update(ResolverUpdate::new(addresses));
        }
    }
}

#[test]
fn a_policy_of_ones_own_takes_fewer_than_60_lines() {
    let policy = include_str!("../examples/own_policy/policy.rs");
    assert!(policy.lines().count() < 60);
}

#[tokio::test(start_paused = true)]
async fn a_users_own_policy_and_resolver_decide_where_calls_go() {
    let net = Net::default();
    let _backends = [1, 2, 3].map(|n| Backend::start(&net, addr(n)));
    let fleet = Fleet::default();
    fleet.set([1, 2]);
    let channel = Channel::builder("orders")
        .resolver(fleet.clone())
        .child_policy(by_customer::ByCustomer)
        .connector(net.clone())
        .build()
        .unwrap();
    let backend_of = async |customer: &'static str| {
        let answer = call_with(&channel, |request| {
            request
                .metadata_mut()
                .insert("customer", customer.parse().unwrap());
        });
        answer.await.unwrap().backend
    };
    support::eventually("two backends", async || {
        backend_of("a").await != backend_of("b").await
    })
    .await;
    let (a, b) = (backend_of("a").await, backend_of("b").await);
    for _ in 0..10 {
        assert_eq!(
            (backend_of("a").await, backend_of("b").await),
            (a.clone(), b.clone())
        );
    }
    fleet.set([3]);
    support::eventually("the new fleet", async || {
        backend_of("a").await == "10.0.0.3"
    })
    .await;
}

#[cfg(feature = "service-config")]
#[tokio::test(start_paused = true)]
async fn a_service_config_may_name_a_users_own_policy_alone_and_under_a_balancer() {
    use lookaside_client::PolicyRegistry;
    use support::balancer::{Balancer, server};

    let net = Net::default();
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let mut balancer = Balancer::start(&net, addr(100));
    let builder = |config: &str| {
        Channel::builder("orders")
            .connector(net.clone())
            .default_service_config(config)
            .policies(PolicyRegistry::new().register(by_customer::ByCustomer))
    };
    let by_customer = r#"[{"newer": {}}, {"by_customer": {}}]"#;
    let alone = builder(&format!(r#"{{"loadBalancingConfig": {by_customer}}}"#))
        .addresses([text(1), text(2)])
        .build()
        .unwrap();
    let under = builder(&format!(
        r#"{{"loadBalancingConfig": [{{"grpclb": {{"childPolicy": {by_customer}}}}}]}}"#
    ));
    let under = under.balancers([text(100)]).build().unwrap();
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.initial(None);
    stream.list([server(addr(1), "a"), server(addr(2), "b")]);
    for channel in [alone, under] {
        let backend_of = async |customer: &'static str| {
            let answer = call_with(&channel, |request| {
                let customer = customer.parse().unwrap();
                request.metadata_mut().insert("customer", customer);
            });
            answer.await.unwrap().backend
        };
        support::eventually("two backends", async || {
            backend_of("a").await != backend_of("b").await
        })
        .await;
        for _ in 0..5 {
            assert_eq!(backend_of("a").await, backend_of("a").await);
        }
    }
    // Who does not know it refuses the config.
    let config = format!(r#"{{"loadBalancingConfig": {by_customer}}}"#);
    let strange = builder(&config).policies(PolicyRegistry::new());
    let error = strange.addresses([text(1)]).build();
    let error = error.unwrap_err().to_string();
    let expected = "default service config: loadBalancingConfig: none of its policies is known \
                    (newer, by_customer); known are ";
    assert!(error.starts_with(expected), "{error}");
}

/// Says READY at once, connected or not, and counts what becomes of its calls.
#[derive(Clone, Debug, Default)]
struct Hasty(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Whether the policy panics when a connection fails.
    fragile: bool,
    first_picks: AtomicUsize,
    later_picks: AtomicUsize,
    started: AtomicUsize,
    finished: AtomicUsize,
}

impl CallTracker for Counts {
    fn call_started(&self) {
        self.started.fetch_add(1, SeqCst);
    }

    fn call_finished(&self, _: &CallEnd<'_>) {
        self.finished.fetch_add(1, SeqCst);
    }
}

impl PolicyBuilder for Hasty {
    fn name(&self) -> &str {
        "hasty"
    }

    fn build(&self, _: PolicyOptions) -> Box<dyn Policy> {
        Box::new(HastyPolicy(Arc::clone(&self.0), None))
    }
}

struct HastyPolicy(Arc<Counts>, Option<Subchannel>);

impl Policy for HastyPolicy {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        let (subchannel, _) = controller.new_subchannel(&update.addresses.as_ref().unwrap()[0]);
        subchannel.connect();
        self.1 = Some(subchannel);
        self.work(controller);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        let failed = state.connectivity == ConnectivityState::TransientFailure;
        assert!(!(failed && self.0.fragile), "this policy cannot take it");
        subchannel.connect();
        self.work(controller);
    }

    fn work(&mut self, controller: &mut dyn Controller) {
        let Some(subchannel) = self.1.clone() else {
            return;
        };
        let picker = HastyPicker {
            subchannel,
            tracker: Arc::clone(&self.0) as Arc<dyn CallTracker>,
            counts: Arc::clone(&self.0),
        };
        let state = PolicyState::new(ConnectivityState::Ready, Arc::new(picker));
        controller.update_picker(state);
    }

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}

struct HastyPicker {
    subchannel: Subchannel,
    tracker: Arc<dyn CallTracker>,
    counts: Arc<Counts>,
}

impl Picker for HastyPicker {
    fn pick<'p>(&'p self, args: &PickArgs<'_>) -> PickResult<'p> {
        let picks = if args.admitted {
            &self.counts.later_picks
        } else {
            &self.counts.first_picks
        };
        picks.fetch_add(1, SeqCst);
        let mut pick = Pick::new(&self.subchannel);
        pick.count(&self.tracker);
        PickResult::Pick(pick)
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_connection_is_gone_when_it_is_picked_is_admitted_and_counted_once() {
    let net = Net::default();
    let hasty = Hasty::default();
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .child_policy(hasty.clone())
        .connector(net.clone())
        .build()
        .unwrap();
    let picked = async || {
        support::eventually("a pick", async || hasty.0.first_picks.load(SeqCst) > 0).await;
        Backend::start(&net, addr(1))
    };
    let (answer, _backend) = tokio::join!(patient_call(&channel), picked());
    answer.unwrap();
    assert!(hasty.0.later_picks.load(SeqCst) >= 1);
    for once in [&hasty.0.first_picks, &hasty.0.started, &hasty.0.finished] {
        assert_eq!(once.load(SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_fail_when_the_policy_panics_also_those_that_wait_for_ready() {
    let net = Net::default();
    let fragile = Counts {
        fragile: true,
        ..Counts::default()
    };
    // Nobody listens: the policy panics.
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .child_policy(Hasty(Arc::new(fragile)))
        .connector(net.clone())
        .build()
        .unwrap();
    let status = patient_call(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the channel is closed");
    assert_eq!(channel.state(), ConnectivityState::Shutdown);
}
