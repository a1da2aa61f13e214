use lookaside_core::HostPort;

use super::super::Facts;
use crate::doctor::{
    Finding,
    facts::{SrvFacts, SrvTarget},
};

/// Whether DNS leads clients to the balancers.
pub(super) fn records(facts: &Facts) -> Vec<Finding> {
    let Some(srv) = &facts.srv else {
        let text = "DNS was not asked: --srv NAME, the name that clients dial";
        return vec![Finding::skip("dns", text)];
    };
    let mut findings = balancers(facts, srv);
    findings.push(match &srv.fallback {
        Ok(0) => Finding::warn("dns", &srv.record, "the name itself has no address").advise(
            "stock clients fall back on its A and AAAA records when no balancer answers: add \
             some backends",
        ),
        Ok(n) => {
            let message = format!("addresses to fall back on: {n}");
            Finding::ok("dns", &srv.record, message)
        }
        Err(error) => Finding::warn("dns", &srv.record, format!("its addresses: {error}"))
            .advise("stock clients fall back on the name's A and AAAA records"),
    });
    findings
}

fn balancers(facts: &Facts, srv: &SrvFacts) -> Vec<Finding> {
    let targets = match &srv.found {
        Err(error) => {
            return vec![
                Finding::fail("dns", &srv.record, error)
                    .advise("is the name right, and does its name server answer?"),
            ];
        }
        Ok(targets) if targets.is_empty() => {
            return vec![
                Finding::fail("dns", &srv.record, "there is no SRV record").advise(
                    "stock clients find no balancer without it: add one record for each \
                 balancer, `SRV 0 0 7400 HOST`",
                ),
            ];
        }
        Ok(targets) => targets,
    };
    let mut findings = Vec::new();
    for target in targets {
        let at = &target.address;
        findings.push(match &target.resolved {
            Err(error) => Finding::fail("dns", &srv.record, format!("names {at}: {error}"))
                .advise("give that host an address, or take the record out"),
            Ok(_) if !facts.balancers.iter().any(|it| is(target, &it.address)) => {
                let message = format!("names {at}, which --balancer does not");
                Finding::warn("dns", &srv.record, message)
                    .advise("take the record out if that balancer is gone, or check it too")
            }
            Ok(_) => Finding::ok("dns", &srv.record, format!("names {at}")),
        });
    }
    let lacking = facts.balancers.iter().map(|it| &it.address);
    for lacking in lacking.filter(|at| !targets.iter().any(|target| is(target, at))) {
        findings.push(
            Finding::warn("dns", &srv.record, format!("does not name {lacking}"))
                .advise("clients that find balancers by DNS never use it: add a record"),
        );
    }
    findings
}

/// Whether a record names this balancer, by its name or by its address.
fn is(target: &SrvTarget, balancer: &HostPort) -> bool {
    let by_address = || {
        let addresses = target.resolved.as_ref().ok()?;
        Some(addresses.contains(&balancer.socket_addr()?))
    };
    target.address == *balancer || by_address().unwrap_or(false)
}
