//! Each file one subject: functions from what was seen to what is to be said of it.

mod balancers;
mod certificates;
mod clock;
mod ports;
mod registry;
mod replicas;
mod services;
mod srv;
mod tokens;

use lookaside_core::HostPort;

use super::{
    Facts, Finding,
    facts::{BalancerFacts, Seen},
};

pub(super) use self::replicas::disagreements;

/// Everything there is to say, in the order in which one would look: who is there, what
/// they follow, what they make of it.
pub(crate) fn examine(facts: &Facts) -> Vec<Finding> {
    [
        balancers::reached,
        balancers::versions,
        ports::clients,
        ports::admins,
        registry::followed,
        registry::same,
        registry::direct,
        replicas::agree,
        services::plans,
        services::problems,
        certificates::shown,
        certificates::files,
        tokens::keys,
        clock::skew,
        srv::records,
    ]
    .iter()
    .flat_map(|check| check(facts))
    .collect()
}

/// Those balancers that answered.
fn seen(facts: &Facts) -> impl Iterator<Item = (&HostPort, &Seen)> {
    seen_of(&facts.balancers)
}

fn seen_of(balancers: &[BalancerFacts]) -> impl Iterator<Item = (&HostPort, &Seen)> {
    balancers
        .iter()
        .filter_map(|it| Some((&it.address, &**it.seen.as_ref().ok()?)))
}
