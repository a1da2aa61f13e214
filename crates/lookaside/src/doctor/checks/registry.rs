use std::collections::BTreeSet;

use lookaside_proto::v1::registry::State;

use super::{super::Facts, seen};
use crate::{
    doctor::{Finding, facts::Direct},
    output::{ago, duration},
};

/// How long ago a live registry may have been known to be as served: etcd is asked for
/// proof of life more often than that.
const FRESH: std::time::Duration = std::time::Duration::from_secs(60);

/// How many backends an answer names before it counts the rest.
const NAMED: usize = 3;

/// Whether each balancer follows its registry live.
pub(super) fn followed(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (address, seen) in seen(facts) {
        let Some(registry) = &seen.status.registry else {
            continue;
        };
        let (url, error, revision) = (&registry.url, &registry.error, registry.revision);
        let age = duration(registry.age).unwrap_or_default();
        findings.push(match registry.state() {
            State::Synced if age <= FRESH => {
                Finding::ok("registry", address, format!("{url} at revision {revision}"))
            }
            State::Synced => {
                let message = format!("{url} was last known to be as served {} ago", ago(age));
                Finding::warn("registry", address, message)
                    .advise("ask again; if it stays so, look at the balancer's log")
            }
            State::Stale => {
                let message = format!("{url} does not answer for {}: {error}", ago(age));
                Finding::fail("registry", address, message).advise(
                    "bring it back, or the way to it; until then the last good state is \
                     served, and no change reaches clients",
                )
            }
            State::Connecting | State::Unspecified => {
                let error = if error.is_empty() {
                    "no answer yet"
                } else {
                    error
                };
                Finding::fail(
                    "registry",
                    address,
                    format!("{url} has not been read: {error}"),
                )
                .advise("look at the address, user and certificates in [etcd]")
            }
        });
    }
    findings
}

/// Whether all follow the same registry.
pub(super) fn same(facts: &Facts) -> Vec<Finding> {
    let urls: Vec<&str> = seen(facts)
        .filter_map(|(_, seen)| Some(&*seen.status.registry.as_ref()?.url))
        .collect();
    let members: BTreeSet<BTreeSet<&str>> = urls
        .iter()
        .map(|url| url.trim_start_matches("etcd://").split(',').collect())
        .collect();
    if urls.len() < 2 {
        return Vec::new();
    }
    if members.len() > 1 {
        let urls: BTreeSet<_> = urls.into_iter().collect();
        let urls: Vec<_> = urls.into_iter().collect();
        let message = format!("balancers name different registries: {}", urls.join("; "));
        return vec![
            Finding::warn("registry", "", message)
                .advise("give all replicas the same --registry, all of its members"),
        ];
    }
    if urls[0].starts_with("memory:") {
        let message = "each balancer has a registry of its own (memory:)";
        return vec![Finding::warn("registry", "", message).advise(
            "replicas need one that they share: --registry etcd://HOST:PORT; with \
             memory: run one balancer",
        )];
    }
    Vec::new()
}

/// Whether the registry, asked directly, answers, and balancers know what is in it.
pub(super) fn direct(facts: &Facts) -> Vec<Finding> {
    let Some(registry) = &facts.registry else {
        let text = "the registry itself was not asked: --registry URL or --config FILE";
        return vec![Finding::skip("registry direct", text)];
    };
    let read = match &registry.read {
        Ok(read) => read,
        Err(error) => {
            return vec![
                Finding::fail("registry direct", &registry.url, error)
                    .advise("look at the address, user and certificates, and at the registry"),
            ];
        }
    };
    let mut findings = vec![whole(&registry.url, read)];
    for (address, seen) in seen(facts) {
        let lacking = lacking(read, seen);
        if lacking.is_empty() {
            let message = "knows every backend that is registered";
            findings.push(Finding::ok("registry direct", address, message));
            continue;
        }
        let more = match lacking.len().saturating_sub(NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let named = lacking[..lacking.len().min(NAMED)].join(", ");
        findings.push(
            Finding::fail(
                "registry direct",
                address,
                format!("does not know {named}{more}"),
            )
            .advise(
                "does it follow this registry under the same [etcd] prefix? If so, restart \
                 it and keep its log",
            ),
        );
    }
    findings
}

fn whole(url: &str, read: &Direct) -> Finding {
    let backends: usize = read.backends.values().map(Vec::len).sum();
    let message = format!(
        "read in {} ms at revision {}: services {}, backends {backends}",
        read.took.as_millis(),
        read.revision,
        read.backends.len(),
    );
    if read.problems.is_empty() {
        return Finding::ok("registry direct", url, message);
    }
    let n = read.problems.len();
    let first = &read.problems[0];
    Finding::warn(
        "registry direct",
        url,
        format!("{message}; {n} unreadable keys, such as {first}"),
    )
    .advise("mend or delete these keys: `lookaside service NAME` names them all")
}

fn lacking(read: &Direct, seen: &crate::doctor::facts::Seen) -> Vec<String> {
    if seen.unseen > 0 {
        // Not all of its services were looked at.
        return Vec::new();
    }
    let mut lacking = Vec::new();
    for (service, ids) in &read.backends {
        let known = seen.services.get(service);
        let known: BTreeSet<&str> = known
            .map(|service| service.backends.iter().map(|it| &*it.id).collect())
            .unwrap_or_default();
        let missing = ids.iter().filter(|id| !known.contains(id.as_str()));
        lacking.extend(missing.map(|id| format!("{service}/{id}")));
    }
    lacking
}
