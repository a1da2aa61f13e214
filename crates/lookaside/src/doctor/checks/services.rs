use std::collections::BTreeMap;

use lookaside_proto::v1::Service;

use super::{super::Facts, seen};
use crate::doctor::Finding;

/// How many backends a finding names.
const NAMED: usize = 3;

/// Whether any service is in fallback, in panic, or has backends that are not well.
pub(super) fn plans(facts: &Facts) -> Vec<Finding> {
    // Replicas mostly say the same: what several say is said once.
    let mut said = BTreeMap::<(String, &'static str), (Finding, Vec<String>)>::new();
    let mut services = 0;
    let mut unseen = 0;
    for (address, seen) in seen(facts) {
        services = services.max(seen.services.len());
        unseen = unseen.max(seen.unseen);
        for service in seen.services.values() {
            for (kind, finding) in troubles(service) {
                let key = (service.name.clone(), kind);
                let (_, by) = said.entry(key).or_insert_with(|| (finding, Vec::new()));
                by.push(address.to_string());
            }
        }
    }
    let several = facts.balancers.len() > 1;
    let mut findings: Vec<_> = said
        .into_values()
        .map(|(mut finding, by)| {
            if several {
                finding.message += &format!(" (by {})", by.join(", "));
            }
            finding
        })
        .collect();
    let absent = absent(facts);
    if findings.is_empty() && absent.is_empty() && services > 0 {
        let message = format!("all {services} have a list of backends that are well");
        findings.push(Finding::ok("services", "", message));
    } else if services == 0 && absent.is_empty() && seen(facts).next().is_some() {
        findings.push(
            Finding::warn("services", "", "no service is registered").advise(
                "register a backend: `lookaside register SERVICE HOST:PORT`, or look at the \
                 [etcd] prefix",
            ),
        );
    }
    findings.extend(absent);
    if unseen > 0 {
        let message = format!("{unseen} more were not looked at: name some with SERVICE");
        findings.push(Finding::skip("services", message));
    }
    findings
}

/// Services that somebody named and that no balancer knows: misspelt, mostly.
fn absent(facts: &Facts) -> Vec<Finding> {
    if seen(facts).next().is_none() {
        return Vec::new();
    }
    let is_known = |name: &str| seen(facts).any(|(_, seen)| seen.services.contains_key(name));
    let absent = facts.wanted.iter().filter(|name| !is_known(name));
    absent
        .map(|name| {
            Finding::fail("service", name, "no balancer knows it").advise(
                "is the name right? `lookaside services` has all; `lookaside register SERVICE \
                 HOST:PORT` registers a backend",
            )
        })
        .collect()
}

fn troubles(service: &Service) -> Vec<(&'static str, Finding)> {
    let mut troubles = Vec::new();
    let name = &service.name;
    if service.plan == "fallback" {
        let reason = &service.reason;
        troubles.push((
            "fallback",
            Finding::warn(
                "service",
                name,
                format!("clients are in fallback: {reason}"),
            )
            .advise(
                "register backends, or end what an operator ordered: `lookaside fallback \
                 NAME clear`",
            ),
        ));
    }
    if service.panic {
        troubles.push((
            "panic",
            Finding::warn(
                "service",
                name,
                format!("health is ignored: {}", service.reason),
            )
            .advise("too few backends are healthy: mend them, or its [health] check"),
        ));
    }
    for (state, advice) in [
        (
            "suspect",
            "their registrations vanished and they still answer: bring the registry or their \
             agents back before hold_down ends",
        ),
        (
            "ejected",
            "they fail their health check: look at them; `lookaside service NAME` says why",
        ),
        ("unresolved", "their host names do not resolve: look at DNS"),
        (
            "held",
            "they left the registry and are kept by on_empty = \"hold\": register some",
        ),
    ] {
        let of = service.backends.iter().filter(|it| it.state == state);
        let ids: Vec<_> = of.map(|it| &*it.id).collect();
        if ids.is_empty() {
            continue;
        }
        let more = if ids.len() > NAMED { ", …" } else { "" };
        let named = ids[..ids.len().min(NAMED)].join(", ");
        let (n, of) = (ids.len(), service.backends.len());
        let message = format!("{n} of {of} backends {state}: {named}{more}");
        troubles.push((
            state,
            Finding::warn("service", name, message).advise(advice),
        ));
    }
    troubles
}

/// Whether anything in the registry could not be read.
pub(super) fn problems(facts: &Facts) -> Vec<Finding> {
    let mut by_key = BTreeMap::<&str, (&str, &str)>::new();
    let mut counted = 0;
    for (_, seen) in seen(facts) {
        counted = counted.max(seen.status.problems as usize);
        for service in seen.services.values() {
            for problem in &service.problems {
                by_key.insert(&problem.key, (&service.name, &problem.reason));
            }
        }
    }
    // Keys of no service are everybody's, whichever services were asked for.
    for (_, seen) in seen(facts) {
        for problem in &seen.status.stray_problems {
            by_key.insert(&problem.key, ("", &problem.reason));
        }
    }
    let mut findings: Vec<_> = by_key
        .iter()
        .map(|(key, (service, reason))| {
            Finding::warn("keys", service, format!("{key} is skipped: {reason}"))
                .advise("mend or delete the key; what it says is not in force")
        })
        .collect();
    let elsewhere = counted.saturating_sub(findings.len());
    if elsewhere > 0 {
        let message = format!("{elsewhere} unreadable keys of services not looked at here");
        findings.push(Finding::warn("keys", "", message).advise(
            "`lookaside services` counts them by service, `lookaside service NAME` names them",
        ));
    }
    if findings.is_empty() && seen(facts).next().is_some() {
        findings.push(Finding::ok(
            "keys",
            "",
            "every key in the registry can be read",
        ));
    }
    findings
}
