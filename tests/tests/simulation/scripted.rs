//! A client alone. Its balancers and backends are scripts: they do what peers and networks
//! can do, well-behaved or not, and all that the client does is held against what it
//! promises (`docs/client.md`).

mod backend;
mod balancer;
mod book;
mod caller;
mod faults;
mod grpc;
mod harms;
mod judge;
mod modes;
mod named;
mod pace;
mod peer;
mod places;
mod profile;
mod script;
mod seen;
mod settled;
mod world;

use std::time::Duration;

use tokio::time::sleep;

use self::{places::CLIENT, world::World};
use crate::{log::Log, run::ends};

/// A channel that is dropped has let go of all its connections by then.
const CLOSES: Duration = Duration::from_secs(3);

pub async fn live(seed: u64, log: Log) {
    let mut world = Box::new(World::new(seed, log.clone()));
    Box::pin(faults::run(&mut world)).await;
    if log.is_clean() {
        Box::pin(settled::check(&mut world)).await;
    }
    world.stop_watching().await;
    let unnamed = world.seen.lock().unnamed.clone();
    pace::check(
        &world.net.dials(),
        &world.script.lock().streams,
        &unnamed,
        &log,
    );
    tell(&world);
    log.event("everything ends");
    world.channel = None;
    if log.is_clean() {
        sleep(CLOSES).await;
        let open = world.net.open(CLIENT);
        if !open.is_empty() {
            log.violation(format!("the channel is gone, and it has {open:?}"));
        }
    }
    drop(world);
    ends(&log).await;
}

/// What there was to judge.
fn tell(world: &World) {
    let state = world.seen.lock();
    let (lists, fallbacks, returns) = (state.lists_seen, state.fallbacks, state.returns);
    let streams = world.script.lock().streams.len();
    let calls = world.judge.book.lock().calls.len();
    world.log.event(format!(
        "{calls} calls, {streams} streams, {lists} lists, fallback entered {fallbacks} times and \
         left {returns} times"
    ));
}
