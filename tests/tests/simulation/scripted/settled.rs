//! What must be so when all is mended.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use lookaside_client::{ConnectivityState, Mode};
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::{
    caller::{self, Wish},
    judge::End,
    places::{BACKENDS, CLIENT, backend_at},
    profile::{IDLE_TIMEOUT, Policy},
    script::{DROPS, Listing, Said, Slot},
    world::{Who, World},
};

/// By then everybody is connected: the back-off is no longer than half of it after so much
/// harm, and a balancer's stream has one of its own.
const RECOVERS: Duration = Duration::from_secs(130);

/// The longest deadline, and a little more.
const CALLS_END: Duration = Duration::from_secs(41);

/// Connections that no list has any more are kept so long, and a while is to say goodbye.
const LINGER: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_secs(2);

/// Times round a list.
const ROUNDS: usize = 3;

pub async fn check(world: &mut World) {
    let all: Vec<_> = (0..BACKENDS).map(Slot::Backend).collect();
    say(world, Listing(all.clone()));
    // A stream goes on over a connection that its balancer's channel may have replaced.
    for who in world.everybody() {
        if matches!(who, Who::Balancer(_)) && !world.seen.lock().always_named {
            world.cut(who);
        }
    }
    if !recovers(world).await {
        return;
    }
    if !world.stop_calling(CALLS_END).await {
        world.log.violation("calls do not end");
    }
    reports(world).await;
    spread(world, all.len() * ROUNDS).await;
    let mut some = all.clone();
    some.extend([
        Slot::Drop(DROPS[0]),
        Slot::Drop(DROPS[1]),
        Slot::Drop(DROPS[0]),
    ]);
    drops(world, Listing(some)).await;
    reports(world).await;
    lingers(world, Listing(all.clone())).await;
    idles(world, Listing(all)).await;
}

fn say(world: &World, list: Listing) {
    world.log.event(format!("balancers say: {list:?}"));
    world.script.said.send_replace(Said::List(Arc::new(list)));
}

/// Until all is as it should be.
async fn recovers(world: &World) -> bool {
    let began = Instant::now();
    let mut why = String::new();
    while began.elapsed() < RECOVERS && world.log.is_clean() {
        sleep(Duration::from_millis(500)).await;
        match recovered(world) {
            Ok(()) => {
                let took = began.elapsed();
                world.log.event(format!("recovered within {took:?}"));
                return true;
            }
            Err(error) => why = error,
        }
    }
    world
        .log
        .violation(format!("not recovered within {RECOVERS:?}: {why}"));
    false
}

fn recovered(world: &World) -> Result<(), String> {
    let state = world.seen.lock();
    let (mode, connectivity) = (state.mode.0, state.connectivity.0);
    if (mode, connectivity) != (Mode::Balancer, ConnectivityState::Ready) {
        return Err(format!("{mode}, {connectivity}: {}", state.states()));
    }
    let listed = state.listed();
    if listed.len() != BACKENDS || !state.on_stream {
        return Err(format!("the list is of {listed:?}"));
    }
    if !world.profile.is_pick_first() && !state.all_ready(&listed) {
        return Err(state.states());
    }
    drop(state);
    connections(world, &listed.into_iter().collect::<Vec<_>>())
}

/// One to each backend in use, one to a balancer, and no more.
fn connections(world: &World, listed: &[SocketAddr]) -> Result<(), String> {
    let open = world.net.open(CLIENT);
    let (own, others): (Vec<SocketAddr>, Vec<SocketAddr>) =
        open.keys().partition(|at| listed.contains(at));
    let wanted = if world.profile.is_pick_first() {
        1
    } else {
        listed.len()
    };
    if own.len() != wanted || others.len() != 1 || open.values().any(|many| *many > 1) {
        return Err(format!("connections: {open:?}"));
    }
    Ok(())
}

/// All calls are reported, and no call twice.
async fn reports(world: &World) {
    let every = world
        .profile
        .report_interval
        .unwrap_or(Duration::from_secs(5));
    sleep(3 * every + Duration::from_secs(1)).await;
    let (at_least, at_most) = world.judge.book.sum();
    let drops = world.judge.book.drops();
    let told = world.seen.lock().reported.clone();
    let received = world.script.lock().reported.clone();
    if world.profile.report_interval.is_none() {
        if received.started > 0 {
            world.log.violation("nobody asked for reports");
        }
        return;
    }
    let dropped: u64 = drops.values().sum();
    let sums = [
        ("begun", told.started >= at_least && told.started <= at_most),
        ("finished", told.started == told.finished),
        ("dropped", told.dropped.values().sum::<u64>() == dropped),
        (
            "received",
            received.started <= told.started && received.finished <= told.finished,
        ),
        (
            "drops received",
            drops
                .iter()
                .all(|(category, made)| received.dropped.get(category).is_none_or(|it| it <= made)),
        ),
        (
            "all received",
            world.profile.balancers_suffer
                || (received.started == told.started && received.dropped == drops),
        ),
    ];
    for (what, holds) in sums {
        if !holds {
            let broken = format!(
                "{what}: {at_least} to {at_most} calls, drops {drops:?}; the client tells {told:?}, \
                 its balancers have {received:?}"
            );
            world.log.violation(broken);
        }
    }
}

/// All are answered, by everybody as often.
async fn spread(world: &World, many: usize) {
    let before = world.judge.book.sum();
    let counted = count(world, many).await;
    let all = many == BACKENDS * ROUNDS;
    let even = all && world.profile.policy == Policy::RoundRobin && !world.profile.outlier;
    let wanted = even.then_some(ROUNDS);
    let wrong = |many: &usize| wanted.is_some_and(|wanted| *many != wanted);
    if counted.keys().any(|who| who.parse::<SocketAddr>().is_err()) || counted.values().any(wrong) {
        world.log.violation(format!("{many} calls: {counted:?}"));
    }
    let after = world.judge.book.sum();
    if after.0 - before.0 < many as u64 {
        world.log.violation("calls that count are not in the book");
    }
}

/// As many are dropped as the list says.
async fn drops(world: &World, list: Listing) {
    say(world, list.clone());
    sleep(Duration::from_secs(1)).await;
    let counted = count(world, list.0.len() * ROUNDS).await;
    for category in DROPS {
        let text = format!("call dropped by the balancer ({category})");
        let dropped = counted.get(&text).copied().unwrap_or_default();
        if dropped != list.drops(category) * ROUNDS {
            world.log.violation(format!("{list:?}: {counted:?}"));
        }
    }
}

/// Calls by who answered, or by the error.
async fn count(world: &World, many: usize) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    let Some(channel) = &world.channel else {
        return counted;
    };
    for _ in 0..many {
        let end = caller::call(channel, &world.judge, Wish::plain()).await;
        let what = match end {
            End::Answered(by) => by.to_string(),
            End::Failed(status) => Status::message(&status).to_owned(),
            End::Cancelled => unreachable!("it is waited for"),
        };
        *counted.entry(what).or_default() += 1;
    }
    counted
}

/// What a list has no more is kept a while, should the next one have it.
async fn lingers(world: &World, all: Listing) {
    if world.profile.is_pick_first() {
        return;
    }
    let addresses: Vec<_> = all.addresses().into_iter().collect();
    let dials = |world: &World| -> usize {
        let dials = world.net.dials();
        dials.of(CLIENT).map(|(_, dials)| dials.len()).sum()
    };
    let before = dials(world);
    let one = Listing(vec![Slot::Backend(0)]);
    say(world, one.clone());
    sleep(LINGER - Duration::from_secs(1)).await;
    say(world, all);
    sleep(Duration::from_secs(1)).await;
    if dials(world) > before {
        world.log.violation("a backend that came back was dialled");
    }
    if let Err(why) = connections(world, &addresses) {
        world.log.violation(why);
    }
    say(world, one);
    sleep(LINGER + GOODBYE).await;
    if let Err(why) = connections(world, &[backend_at(0)]) {
        world.log.violation(format!("lingers: {why}"));
    }
}

/// Without calls it lets go of everything in time, and the next call brings it all back.
async fn idles(world: &World, all: Listing) {
    let many = all.0.len();
    say(world, all);
    count(world, 1).await;
    sleep(IDLE_TIMEOUT - GOODBYE).await;
    if world.net.open(CLIENT).is_empty() {
        world.log.violation("the channel is idle too early");
    }
    sleep(IDLE_TIMEOUT / 8 + 2 * GOODBYE).await;
    let open = world.net.open(CLIENT);
    let state = world.seen.lock().connectivity.0;
    if state != ConnectivityState::Idle || !open.is_empty() {
        let broken = format!("nobody calls, and the channel is {state} and has {open:?}");
        world.log.violation(broken);
    }
    let streams = world.script.lock().streams.len();
    // It waits: what it finds is all it needs.
    spread(world, 1).await;
    if recovers(world).await {
        spread(world, many * ROUNDS).await;
        reports(world).await;
    }
    if world.script.lock().streams.len() != streams + 1 {
        world.log.violation("it is not one stream that came back");
    }
}
