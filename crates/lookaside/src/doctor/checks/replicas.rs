use std::collections::{BTreeMap, BTreeSet};

use lookaside_proto::v1::Service;

use super::{super::Facts, seen, seen_of};
use crate::doctor::{Finding, facts::BalancerFacts};

/// What clients are told of a service.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told<'a> {
    plan: &'a str,
    slots: u32,
    /// Id, address and slots of each backend in the list.
    backends: BTreeSet<(&'a str, &'a str, u32)>,
    drops: BTreeSet<(&'a str, u32)>,
}

impl<'a> Told<'a> {
    fn new(service: &'a Service) -> Self {
        let listed = service.backends.iter().filter(|it| it.slots > 0);
        Self {
            plan: &service.plan,
            slots: service.slots,
            backends: listed.map(|it| (&*it.id, &*it.address, it.slots)).collect(),
            drops: service
                .drops
                .iter()
                .map(|it| (&*it.category, it.slots))
                .collect(),
        }
    }
}

/// The services that not all balancers tell their clients the same of.
pub(in crate::doctor) fn disagreements(balancers: &[BalancerFacts]) -> BTreeSet<&str> {
    let names: BTreeSet<&str> = seen_of(balancers)
        .flat_map(|(_, seen)| seen.services.keys().map(String::as_str))
        .collect();
    let differs = |name: &&str| {
        let told = seen_of(balancers).map(|(_, seen)| seen.services.get(*name).map(Told::new));
        told.collect::<BTreeSet<_>>().len() > 1
    };
    names.into_iter().filter(differs).collect()
}

/// Whether all balancers tell clients the same. It was asked again for a while where they
/// did not: a change takes its time.
pub(super) fn agree(facts: &Facts) -> Vec<Finding> {
    let replicas = seen(facts).count();
    if replicas < 2 {
        return Vec::new();
    }
    let disagreements = disagreements(&facts.balancers);
    if disagreements.is_empty() {
        let services = seen(facts).map(|(_, seen)| seen.services.len()).max();
        let message = format!(
            "{replicas} replicas tell clients the same of all services ({})",
            services.unwrap_or_default()
        );
        return vec![Finding::ok("replicas", "", message)];
    }
    let finding = |name: &str| {
        let message = format!("replicas disagree: {}", difference(facts, name));
        if is_health(facts, name) {
            Finding::warn("replicas", name, message).advise(
                "they see its backends differently: look at the network between them and \
                 `lookaside service` of each",
            )
        } else {
            Finding::fail("replicas", name, message).advise(
                "compare `lookaside service` of each; the one with the older revision does \
                 not follow the registry: its log says why",
            )
        }
    };
    disagreements.into_iter().map(finding).collect()
}

/// What each says, those of one mind together.
fn difference(facts: &Facts, name: &str) -> String {
    let mut sides = BTreeMap::<_, Vec<_>>::new();
    for (address, seen) in seen(facts) {
        let service = seen.services.get(name);
        let side = sides.entry(service.map(Told::new)).or_default();
        side.push((address.to_string(), service));
    }
    let side = |members: Vec<(String, Option<&Service>)>| {
        let at: Vec<_> = members.iter().map(|(address, _)| &**address).collect();
        let what = members[0]
            .1
            .map_or_else(|| "does not know it".to_owned(), short);
        format!("{} {what}", at.join(", "))
    };
    sides.into_values().map(side).collect::<Vec<_>>().join("; ")
}

fn short(service: &Service) -> String {
    let listed = service.backends.iter().filter(|it| it.slots > 0).count();
    match &*service.plan {
        "slots" => format!(
            "has {} slots of {listed} backends at revision {}",
            service.slots, service.revision
        ),
        plan => format!("has {plan} at revision {}", service.revision),
    }
}

/// Whether all that differs is what each balancer finds out by itself: how well backends
/// are, and what their names resolve to.
fn is_health(facts: &Facts, name: &str) -> bool {
    let all: Option<Vec<&Service>> = seen(facts)
        .map(|(_, seen)| seen.services.get(name))
        .collect();
    let Some(all) = all else { return false };
    let registered = |service: &Service| -> BTreeSet<(String, String, u32)> {
        let of = service.backends.iter();
        of.map(|it| (it.id.clone(), it.address.clone(), it.weight))
            .collect()
    };
    let same = all
        .windows(2)
        .all(|pair| registered(pair[0]) == registered(pair[1]));
    let own = |state: &str| matches!(state, "ejected" | "suspect" | "unresolved");
    let any = all
        .iter()
        .any(|it| it.backends.iter().any(|it| own(&it.state)));
    same && any
}
