use std::collections::BTreeMap;

use super::{super::Facts, seen};
use crate::{
    doctor::Finding,
    output::{ago, duration},
};

/// Whether each balancer answers and is ready.
pub(super) fn reached(facts: &Facts) -> Vec<Finding> {
    let finding = |it: &crate::doctor::facts::BalancerFacts| match &it.seen {
        Err(error) => Finding::fail("balancer", &it.address, error).advise(
            "start it, or look at the address, what is between, and whether it wants TLS \
             (--ca); one that waits for its registry answers at its admin port only: \
             `lookaside status --balancer HOST:7401`; clients use the other replicas meanwhile",
        ),
        Ok(seen) if !seen.status.ready => {
            let reason = &seen.status.not_ready_reason;
            Finding::fail("balancer", &it.address, format!("not ready: {reason}"))
                .advise("its log has more; clients are refused until it is ready")
        }
        Ok(seen) => {
            let up = duration(seen.status.uptime).map(ago).unwrap_or_default();
            let version = &seen.status.version;
            Finding::ok(
                "balancer",
                &it.address,
                format!("ready, lookaside {version}, up {up}"),
            )
        }
    };
    let mut findings: Vec<_> = facts.balancers.iter().map(finding).collect();
    if let [only] = &facts.balancers[..] {
        findings.push(
            Finding::warn("balancer", &only.address, "is the only one that was named")
                .advise("run two or more, and name them all: --balancer A,B"),
        );
    }
    findings
}

/// Whether all are of one version, and of ours.
pub(super) fn versions(facts: &Facts) -> Vec<Finding> {
    let mut by_version = BTreeMap::<&str, Vec<String>>::new();
    for (address, seen) in seen(facts) {
        let at = by_version.entry(&seen.status.version).or_default();
        at.push(address.to_string());
    }
    let finding = match by_version.len() {
        0 => return Vec::new(),
        1 if by_version.contains_key(facts.version) => Finding::ok(
            "version",
            "",
            format!("all run {}, as this does", facts.version),
        ),
        1 => {
            let theirs = by_version.keys().next().copied().unwrap_or_default();
            let message = format!("all run {theirs}, this is {}", facts.version);
            Finding::warn("version", "", message)
                .advise("use the lookaside of their version: this one may misread them")
        }
        _ => {
            let each = by_version.iter();
            let each = each.map(|(version, at)| format!("{version} on {}", at.join(", ")));
            let message = format!("versions differ: {}", each.collect::<Vec<_>>().join("; "));
            Finding::warn("version", "", message).advise("finish the upgrade, or take it back")
        }
    };
    vec![finding]
}
