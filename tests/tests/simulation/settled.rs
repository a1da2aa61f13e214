//! What must be so when nothing has happened for a while.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lookaside_client::{ConnectivityState, Mode};
use lookaside_proto::v1::LoadReport;
use tokio::time::sleep;

use crate::{
    backend::MAX_WORK,
    client::{Client, echo},
    expected::{Contents, Expected},
    log::Log,
    scenario::{Harm, Profile},
    witness::Tally,
    world::{SERVICE, World},
};

/// Until everybody must have recovered from everything.
const QUIET: Duration = Duration::from_secs(60);

/// At last there are these, whatever was before.
const DROPS: [(&str, u32); 2] = [("overload", 250_000), ("tests", 100_000)];
const NEW_BACKENDS: [(usize, u32); 3] = [(201, 1), (202, 2), (203, 3)];

/// Times that each client goes through the list.
const ROUNDS: usize = 2;

/// Waits, and checks modes, shares, drops and reports: as things are, and once more with
/// enough backends and with drops.
pub async fn check(world: &mut World, profile: &Profile) {
    if world.clients.is_empty() {
        world.add_client(true);
    }
    let Some(expected) = settle(world).await else {
        return;
    };
    let reported = reports(world).await;
    check_sum(world, profile, &reported);
    check_calls(world, &expected, reported).await;

    world.set_fallback(false).await;
    world.set_drops(&DROPS).await;
    for (n, weight) in NEW_BACKENDS {
        world.join(n, weight);
    }
    if let Some(expected) = settle(world).await {
        let reported = reports(world).await;
        check_calls(world, &expected, reported).await;
    }
}

/// Waits until nobody has an excuse; returns what must be so, if it is.
async fn settle(world: &mut World) -> Option<Arc<Expected>> {
    world.log.event(format!("nothing happens for {QUIET:?}"));
    sleep(QUIET).await;
    let Some(expected) = world.witness.expected() else {
        world.log.violation("the views of the registry differ");
        return None;
    };
    world.log.event(format!("expected: {expected:?}"));
    world.witness.quiet();
    for client in &mut world.clients {
        let waits = expected.is_fallback() && !client.has_fallback;
        if !client.stop_calling(MAX_WORK * 2).await && !waits {
            let broken = format!("{}: a call does not end: {:?}", client.name, client.channel);
            world.log.violation(broken);
        }
        check_mode(&world.log, client, &expected);
    }
    world.log.is_clean().then_some(expected)
}

async fn check_calls(world: &World, expected: &Expected, before: LoadReport) {
    if !expected.is_fallback() {
        let made = calls(world, expected).await;
        let after = reports(world).await;
        check_reports(world, &before, &after, &made);
    }
}

fn check_mode(log: &Log, client: &Client, expected: &Expected) {
    let (mode, state) = (client.channel.mode(), client.channel.state());
    let wanted = match (expected.is_fallback(), client.has_fallback) {
        (false, _) => (Mode::Balancer, ConnectivityState::Ready),
        (true, true) => (Mode::Fallback, ConnectivityState::Ready),
        (true, false) => (Mode::Fallback, ConnectivityState::TransientFailure),
    };
    if (mode, state) != wanted {
        let (name, error) = (&client.name, client.channel.last_error());
        let broken = format!("{name} is {mode}, {state}, not {wanted:?}: {error:?}");
        log.violation(broken);
    }
}

/// Each client goes through the list several times; returns what came of it.
async fn calls(world: &World, expected: &Expected) -> Tally {
    let mut made = Tally::default();
    let Some(list) = world.witness.list() else {
        world.log.violation("no stream has said anything");
        return made;
    };
    if !expected.is_told_by(Some(&list)) {
        world
            .log
            .violation(format!("the streams have said {list:?}"));
    }
    for client in &world.clients {
        let counted = count(client, ROUNDS * list.slots, &mut made).await;
        if counted != times(&list, ROUNDS) {
            let broken = format!(
                "{}: {counted:?} in {ROUNDS} rounds of {list:?}",
                client.name
            );
            world.log.violation(broken);
        }
    }
    made
}

/// Calls by who answered, or by the error.
async fn count(client: &Client, calls: usize, made: &mut Tally) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for _ in 0..calls {
        let by = match echo(&client.channel, &client.name, false).await {
            Ok(answer) => answer.backend,
            Err(status) => {
                let category = status.message().rsplit_once('(').unwrap_or_default().1;
                let category = category.trim_end_matches(')').to_owned();
                *made.dropped.entry(category).or_default() += 1;
                status.message().to_owned()
            }
        };
        made.balanced += 1;
        *counted.entry(by).or_default() += 1;
    }
    counted
}

fn times(list: &Contents, rounds: usize) -> BTreeMap<String, usize> {
    let backends = list
        .backends
        .iter()
        .map(|((at, _), n)| (at.to_string(), n * rounds));
    let drops = list.drops.iter().map(|(category, n)| {
        (
            format!("call dropped by the balancer ({category})"),
            n * rounds,
        )
    });
    backends.chain(drops).collect()
}

/// The sum of what all replicas were told, when nothing is left to report.
async fn reports(world: &World) -> LoadReport {
    sleep(world.report_interval * 2 + Duration::from_secs(1)).await;
    let mut sum = LoadReport::default();
    for replica in &world.replicas {
        match replica.reported(SERVICE).await {
            Ok(report) => {
                sum.calls_started += report.calls_started;
                sum.calls_finished += report.calls_finished;
                sum.calls_failed_to_send += report.calls_failed_to_send;
                sum.calls_known_received += report.calls_known_received;
                sum.dropped.extend(report.dropped);
            }
            Err(error) => {
                let index = replica.index;
                world
                    .log
                    .violation(format!("replica {index} cannot be inspected: {error}"));
            }
        }
    }
    sum
}

/// Balancers that died took with them what they were told, and so did clients what they
/// had not told yet; but no call is ever told twice.
fn check_sum(world: &World, profile: &Profile, reported: &LoadReport) {
    let all = world.witness.tally();
    let drops: u64 = all.dropped.values().sum();
    // What is cut off on its way is lost, too.
    let lossless = match profile.balancers {
        Harm::None => true,
        Harm::Cuts => world.max_latency.is_zero(),
        Harm::All => false,
    };
    let exact = lossless && !profile.clients;
    let sums = [
        ("started", reported.calls_started, all.balanced),
        ("finished", reported.calls_finished, all.balanced),
        ("dropped", dropped(reported).values().sum(), drops),
    ];
    for (what, reported, made) in sums {
        if reported > made + all.abandoned() || (exact && reported < made) {
            let broken = format!("{reported} {what} calls were reported in all, {made} were made");
            world.log.violation(broken);
        }
    }
}

fn dropped(report: &LoadReport) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for dropped in &report.dropped {
        *sums.entry(dropped.category.clone()).or_default() += dropped.calls;
    }
    sums
}

fn check_reports(world: &World, before: &LoadReport, after: &LoadReport, made: &Tally) {
    let reported = [
        after.calls_started - before.calls_started,
        after.calls_finished - before.calls_finished,
        after.calls_failed_to_send - before.calls_failed_to_send,
        after.calls_known_received - before.calls_known_received,
    ];
    let drops: u64 = made.dropped.values().sum();
    let wanted = [made.balanced, made.balanced, 0, made.balanced - drops];
    let known = dropped(before);
    let mut new_drops = dropped(after);
    for (category, calls) in &mut new_drops {
        *calls -= known.get(category).copied().unwrap_or_default();
    }
    new_drops.retain(|_, calls| *calls > 0);
    if reported != wanted || new_drops != made.dropped {
        let broken = format!(
            "started, finished, not sent, received: reported {reported:?}, made {wanted:?}; \
             drops: reported {new_drops:?}, made {:?}",
            made.dropped
        );
        world.log.violation(broken);
    }
}
