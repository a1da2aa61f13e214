//! What a service config says of grpclb.

mod changes;
mod reading;

use std::collections::BTreeSet;

use lookaside_client::{BuildError, Builder, Channel};

use crate::{
    support::net::Net,
    world::{World, list},
};

/// A service config that asks for grpclb with this configuration.
fn grpclb(config: &str) -> String {
    format!(r#"{{"loadBalancingConfig": [{{"grpclb": {config}}}]}}"#)
}

/// Has a channel built with it.
fn with(config: &str) -> impl FnOnce(Builder) -> Builder {
    let json = grpclb(config);
    move |builder| builder.default_service_config(json)
}

/// Why a channel cannot be built with it.
fn refusal(config: &str) -> String {
    let builder = Channel::builder("orders")
        .balancers(["10.0.0.100:1"])
        .connector(Net::default());
    match with(config)(builder).build() {
        Err(BuildError::ServiceConfig(text)) => text,
        other => panic!("{config} is accepted: {other:?}"),
    }
}

/// What becomes of a channel with such a service config: the name that its balancer is
/// asked for, and how many of two backends have calls.
async fn effect(configure: impl FnOnce(Builder) -> Builder) -> (String, usize) {
    let mut world = World::with(2, configure);
    let mut stream = world.balancer().raw_stream().await;
    let name = stream.name().await;
    stream.initial(None);
    stream.list(list("1a 2b"));
    world.ready().await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    (name, tokens(&world).await.len())
}

/// The tokens in use.
async fn tokens(world: &World) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..8 {
        seen.insert(world.token().await);
    }
    seen
}

/// How many backends have calls, by policy.
const ALL: usize = 2;
const FIRST: usize = 1;
