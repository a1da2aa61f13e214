//! What one pick costs, with 100 backends: `cargo bench -p lookaside-client --bench pick`.
//!
//! Prints medians in nanoseconds, and the least, which a busy machine hides less: beside round_robin and grpclb the two things that no
//! pick can do without, one load of the current picker and one `fetch_add`, in the same
//! run.

#![allow(clippy::expect_used, reason = "a benchmark may end so")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use http::HeaderMap;
use lookaside_client::{Channel, PickArgs};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, drop_entry, server},
    calls::call,
    net::Net,
    text,
};

const BACKENDS: u8 = 100;
const ROUNDS: usize = 51;
const PICKS: u32 = 200_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let net = Net::default();
    let backends: Vec<_> = (1..=BACKENDS)
        .map(|n| Backend::start(&net, addr(n)))
        .collect();
    let mut balancer = Balancer::start(&net, addr(200));

    let round_robin = Channel::builder("orders")
        .connector(net.clone())
        .addresses((1..=BACKENDS).map(text))
        .build()
        .expect("a channel");
    let grpclb = |name: &str| {
        Channel::builder(name)
            .connector(net.clone())
            .balancers([text(200)])
            .build()
            .expect("a channel")
    };
    let listed = || (1..=BACKENDS).map(|n| server(addr(n), &format!("token-{n}")));
    let plain = grpclb("plain");
    let plain_stream = balancer.stream().await;
    plain_stream.list(listed());
    let dropping = grpclb("dropping");
    let dropping_stream = balancer.stream().await;
    dropping_stream.list(listed().chain((0..25).map(|_| drop_entry("overload"))));
    let others = other_policies(&net);
    let channels: Vec<&Channel> = [&round_robin, &plain, &dropping]
        .into_iter()
        .chain(others.iter().map(|(_, channel)| channel))
        .collect();
    for channel in &channels {
        let before: Vec<_> = backends.iter().map(Backend::calls).collect();
        support::eventually("every backend is READY", async || {
            for _ in 0..BACKENDS {
                let _ = call(channel).await;
            }
            let mut backends = backends.iter().zip(&before);
            backends.all(|(backend, before)| backend.calls() > *before)
        })
        .await;
    }

    let baseline = (
        ArcSwap::from_pointee(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut times = vec![Vec::new(); channels.len() + 1];
    // Interleaved, so that a slow moment is everybody's.
    for _ in 0..ROUNDS {
        times[0].push(time(|| {
            black_box(baseline.0.load().load(Relaxed));
            black_box(baseline.1.fetch_add(1, Relaxed));
        }));
        for (times, channel) in times[1..].iter_mut().zip(&channels) {
            let headers = HeaderMap::new();
            let args = PickArgs::new("/a.B/C", &headers);
            times.push(time(|| {
                black_box(channel.measure_pick(black_box(&args)));
            }));
        }
    }
    let names = [
        "ArcSwap load + fetch_add",
        "round_robin",
        "grpclb",
        "grpclb, one call in five dropped",
    ];
    let names = names
        .into_iter()
        .chain(others.iter().map(|(name, _)| *name));
    let medians: Vec<_> = times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            (times[times.len() / 2], times[0])
        })
        .collect();
    println!(
        "{BACKENDS} backends, {ROUNDS} interleaved rounds of {PICKS}; budget: round_robin and \
         grpclb 30 ns, others 100 ns\n"
    );
    println!(
        "| {:<32} | {:>7} | {:>7} | {:>5} |",
        "a pick", "median", "least", "ratio"
    );
    println!("| {:-<32} | {:->7} | {:->7} | {:->5} |", "", "", "", "");
    let baseline = medians[0].0;
    for (name, (median, least)) in names.zip(&medians) {
        let ratio = median / baseline;
        println!("| {name:<32} | {median:>4.1} ns | {least:>4.1} ns | {ratio:>5.2} |");
    }
}

/// Those behind features, and under outlier ejection.
#[cfg(all(feature = "outlier", feature = "policies"))]
fn other_policies(net: &Net) -> Vec<(&'static str, Channel)> {
    use lookaside_client::{
        ChildPolicy, FailurePercentageEjection, LeastRequest, OutlierDetection, OutlierSettings,
        P2c, WeightedRoundRobin,
    };
    let settings = OutlierSettings {
        failure_percentage: Some(FailurePercentageEjection::default()),
        ..OutlierSettings::default()
    };
    let ejecting =
        OutlierDetection::new(settings, ChildPolicy::RoundRobin).expect("sound settings");
    vec![
        (
            "weighted_round_robin",
            spread(net, WeightedRoundRobin::new()),
        ),
        ("least_request", spread(net, LeastRequest::new())),
        ("p2c", spread(net, P2c::new())),
        ("round_robin, outlier ejection", spread(net, ejecting)),
    ]
}

#[cfg(all(feature = "outlier", feature = "policies"))]
fn spread(net: &Net, policy: impl lookaside_client::PolicyBuilder) -> Channel {
    Channel::builder("orders")
        .connector(net.clone())
        .addresses((1..=BACKENDS).map(text))
        .child_policy(policy)
        .build()
        .expect("a channel")
}

#[cfg(not(all(feature = "outlier", feature = "policies")))]
fn other_policies(_: &Net) -> Vec<(&'static str, Channel)> {
    println!("(with --features outlier,policies: all policies)");
    Vec::new()
}

/// Nanoseconds for one.
fn time(mut act: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..PICKS {
        act();
    }
    began.elapsed().as_nanos() as f64 / f64::from(PICKS)
}
