use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use http::HeaderMap;
use lookaside_proto::{LOAD_REPORT_TRAILER, xds::data::orca::v3::OrcaLoadReport};
use prost::Message;

use super::*;
use crate::{
    CallEnd, ConnectivityState, Controller, PolicyConfig, WorkScheduler, policy::testing::*,
};

const READY: ConnectivityState = ConnectivityState::Ready;

/// The policy, its channel, and time that both share with the calls.
struct World {
    policy: Box<dyn Policy>,
    control: FakeController,
}

impl World {
    fn new(builder: &WeightedRoundRobin, ns: &[u8]) -> Self {
        let mut world = Self {
            policy: builder.build(PolicyOptions::new(WorkScheduler::default(), 1)),
            control: FakeController::new(),
        };
        world.list(ns);
        world
    }

    /// A list, all of which is READY at once.
    fn list(&mut self, ns: &[u8]) {
        let update = addresses(ns.iter().copied());
        self.policy.resolver_update(&update, &mut self.control);
        for n in ns {
            self.enter(*n, READY);
        }
    }

    fn configure(&mut self, settings: WeightedRoundRobin, ns: &[u8]) {
        let update = addresses(ns.iter().copied());
        let update = update.with_policy_config(Some(PolicyConfig::new(settings)));
        self.policy.resolver_update(&update, &mut self.control);
    }

    fn enter(&mut self, n: u8, state: ConnectivityState) {
        self.control.enter(n, state, &mut *self.policy);
    }

    async fn pass(&mut self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        tokio::time::advance(time).await;
        self.control.pass(time, &mut *self.policy);
    }

    /// A call to this backend that brings a report.
    fn report(&self, n: u8, report: &OrcaLoadReport) {
        let encoded = BASE64_STANDARD_NO_PAD.encode(report.encode_to_vec());
        let mut trailers = HeaderMap::new();
        trailers.insert(LOAD_REPORT_TRAILER, encoded.parse().unwrap());
        self.control.begin_to(n).end(&CallEnd {
            sent: true,
            trailers: Some(&trailers),
            ..CallEnd::default()
        });
    }

    /// Reports that make these weights.
    fn weigh(&self, weights: &[(u8, f64)]) {
        for (n, weight) in weights {
            self.report(*n, &busy(*weight, 1.0));
        }
    }

    fn spread(&self, calls: usize) -> BTreeMap<u8, usize> {
        spread(&self.control, calls)
    }
}

fn busy(qps: f64, utilization: f64) -> OrcaLoadReport {
    OrcaLoadReport {
        rps_fractional: qps,
        application_utilization: utilization,
        ..OrcaLoadReport::default()
    }
}

/// Equal, to within one turn.
fn is_even(counts: &BTreeMap<u8, usize>) -> bool {
    let (least, most) = (counts.values().min(), counts.values().max());
    most.zip(least)
        .is_some_and(|(most, least)| most - least <= 1)
}

/// As `shares`, to within two turns.
fn is(counts: &BTreeMap<u8, usize>, shares: &[(u8, usize)]) -> bool {
    let close = |(n, share): &(u8, usize)| counts[n].abs_diff(*share) <= 2;
    shares.iter().all(close)
}

#[tokio::test(start_paused = true)]
async fn without_reports_backends_take_turns() {
    let mut world = World::new(&WeightedRoundRobin::new(), &[1, 2, 3]);
    assert!(is_even(&world.spread(300)));
    world.pass(60).await;
    assert!(is_even(&world.spread(300)));
}

#[tokio::test(start_paused = true)]
async fn calls_are_spread_by_what_backends_report_after_the_blackout() {
    let mut world = World::new(&WeightedRoundRobin::new(), &[1, 2, 3]);
    world.weigh(&[(1, 100.0), (2, 200.0), (3, 400.0)]);
    world.pass(9).await;
    assert!(is_even(&world.spread(300)), "the blackout");
    world.pass(1).await;
    let counts = world.spread(7000);
    assert!(
        is(&counts, &[(1, 1000), (2, 2000), (3, 4000)]),
        "{counts:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_report_counts_with_the_next_update() {
    let settings = WeightedRoundRobin::new().blackout_period(Duration::ZERO);
    let mut world = World::new(&settings, &[1, 2]);
    world.weigh(&[(1, 100.0), (2, 100.0)]);
    world.pass(1).await;
    assert!(is_even(&world.spread(300)));
    world.weigh(&[(2, 300.0)]);
    assert!(is_even(&world.spread(300)), "not yet");
    world.pass(1).await;
    let counts = world.spread(400);
    assert!(is(&counts, &[(1, 100), (2, 300)]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn who_reports_nothing_counts_as_the_mean() {
    let settings = WeightedRoundRobin::new().blackout_period(Duration::ZERO);
    let mut world = World::new(&settings, &[1, 2, 3]);
    world.weigh(&[(1, 100.0), (2, 300.0)]);
    world.pass(1).await;
    let counts = world.spread(600);
    assert!(is(&counts, &[(1, 100), (2, 300), (3, 200)]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_weight_expires() {
    let mut world = World::new(&WeightedRoundRobin::new(), &[1, 2]);
    world.weigh(&[(1, 100.0), (2, 300.0)]);
    world.pass(179).await;
    let counts = world.spread(400);
    assert!(is(&counts, &[(1, 100), (2, 300)]), "{counts:?}");
    world.pass(1).await;
    assert!(is_even(&world.spread(400)));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_was_connected_again_has_its_blackout_again() {
    let mut world = World::new(&WeightedRoundRobin::new(), &[1, 2, 3]);
    let weights = [(1, 100.0), (2, 300.0), (3, 100.0)];
    world.weigh(&weights);
    world.pass(10).await;
    world.enter(2, ConnectivityState::Idle);
    world.enter(2, READY);
    world.weigh(&weights);
    world.pass(9).await;
    // The mean of the others is 100.
    assert!(is_even(&world.spread(300)));
    world.pass(1).await;
    let counts = world.spread(500);
    assert!(is(&counts, &[(1, 100), (2, 300), (3, 100)]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_doubled_address_has_twice_the_turns_of_its_weight() {
    let settings = WeightedRoundRobin::new().blackout_period(Duration::ZERO);
    let mut world = World::new(&settings, &[1, 2, 1]);
    world.weigh(&[(1, 100.0), (2, 300.0)]);
    world.pass(1).await;
    let counts = world.spread(500);
    assert!(is(&counts, &[(1, 200), (2, 300)]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_list_keeps_what_is_known() {
    let settings = WeightedRoundRobin::new().blackout_period(Duration::ZERO);
    let mut world = World::new(&settings, &[1, 2]);
    world.weigh(&[(1, 100.0), (2, 300.0)]);
    world.list(&[2, 1]);
    let counts = world.spread(400);
    assert!(is(&counts, &[(1, 100), (2, 300)]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn errors_and_other_metrics_count_as_configured() {
    let settings = WeightedRoundRobin::new()
        .blackout_period(Duration::ZERO)
        .error_utilization_penalty(2.0)
        .metric_names_for_computing_utilization(["named_metrics.queue"]);
    let mut world = World::new(&settings, &[1, 2]);
    // 100 / (0.5 + 0.25 × 2) = 100.
    let failing = OrcaLoadReport {
        eps: 25.0,
        ..busy(100.0, 0.5)
    };
    let queue = OrcaLoadReport {
        cpu_utilization: 0.01,
        named_metrics: [("queue".to_owned(), 0.5)].into(),
        ..busy(150.0, 0.0)
    };
    world.report(1, &failing);
    world.report(2, &queue);
    world.pass(1).await;
    let counts = world.spread(400);
    assert!(is(&counts, &[(1, 100), (2, 300)]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn out_of_band_the_reports_of_calls_are_not_read() {
    let settings = WeightedRoundRobin::new().blackout_period(Duration::ZERO);
    let mut world = World::new(&settings, &[1, 2]);
    world.configure(settings.clone().enable_oob_load_report(true), &[1, 2]);
    world.weigh(&[(1, 100.0), (2, 300.0)]);
    world.pass(1).await;
    assert!(is_even(&world.spread(400)));
    world.configure(settings, &[1, 2]);
    world.weigh(&[(1, 100.0), (2, 300.0)]);
    world.pass(1).await;
    let counts = world.spread(400);
    assert!(is(&counts, &[(1, 100), (2, 300)]), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn pickers_are_made_when_weights_change_and_asked_for_only_while_ready() {
    let settings = WeightedRoundRobin::new().blackout_period(Duration::ZERO);
    let mut world = World::new(&settings, &[1, 2]);
    let before = world.control.publications;
    for _ in 0..10 {
        world.pass(1).await;
    }
    assert_eq!(world.control.publications, before);
    world.weigh(&[(1, 100.0), (2, 300.0)]);
    world.pass(1).await;
    assert_eq!(world.control.publications, before + 1);
    let next = world.control.now() + Duration::from_secs(1);
    assert_eq!(world.control.wake, Some(next));
    for n in [1, 2] {
        world.enter(n, ConnectivityState::TransientFailure);
    }
    world.control.wake = None;
    let before = world.control.publications;
    world.pass(60).await;
    assert_eq!(
        (world.control.wake, world.control.publications),
        (None, before)
    );
}

#[test]
fn updates_are_at_least_100_ms_apart() {
    let settings = WeightedRoundRobin::new().weight_update_period(Duration::ZERO);
    assert_eq!(settings.update_period(), Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn clients_start_at_different_places() {
    let firsts = (0..20).map(|seed| {
        let options = PolicyOptions::new(WorkScheduler::default(), seed);
        let mut world = World::new(&WeightedRoundRobin::new(), &[]);
        world.policy = WeightedRoundRobin::new().build(options);
        world.list(&[1, 2, 3]);
        world.control.pick().unwrap()
    });
    let firsts: std::collections::BTreeSet<_> = firsts.collect();
    assert_eq!(firsts.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ended_is_asked_for_no_reports_also_when_it_was_the_last() {
    let policy = WeightedRoundRobin::new().enable_oob_load_report(true);
    let options = PolicyOptions::new(WorkScheduler::default(), 1);
    let mut policy = Petiole::with(options, WeightedTurns::new(&policy, 0));
    let mut control = FakeController::new();
    policy.resolver_update(&addresses([1, 2]), &mut control);
    control.enter(1, READY, &mut policy);
    control.enter(2, READY, &mut policy);
    assert_eq!(policy.spread().weights.streams(), 2);
    control.enter(1, ConnectivityState::TransientFailure, &mut policy);
    assert_eq!(policy.spread().weights.streams(), 1);
    control.enter(2, ConnectivityState::TransientFailure, &mut policy);
    assert_eq!(policy.spread().weights.streams(), 0);
    control.enter(2, READY, &mut policy);
    assert_eq!(policy.spread().weights.streams(), 1);
}
