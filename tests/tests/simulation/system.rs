//! A run of the whole system.

use crate::{log::Log, run::ends, scenario, settled, world::World};

pub async fn live(seed: u64, log: Log) {
    let mut world = Box::pin(World::new(seed, log.clone())).await;
    let profile = Box::pin(scenario::run(&mut world)).await;
    if log.is_clean() {
        Box::pin(settled::check(&mut world, &profile)).await;
    }
    let tally = world.witness.tally();
    log.event(format!("{tally:?}"));
    log.event("everything ends");
    world.clients.clear();
    world.end().await;
    ends(&log).await;
}
