use super::{super::Facts, seen};
use crate::doctor::{
    Finding,
    facts::{AdminFacts, ControlAnswer, ListAnswer},
};

/// Whether client ports serve what clients ask for.
pub(super) fn clients(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (address, seen) in seen(facts) {
        findings.push(match &seen.health {
            Ok(true) => Finding::ok("health", address, "grpc.health.v1 says SERVING"),
            Ok(false) => Finding::fail("health", address, "grpc.health.v1 says NOT_SERVING")
                .advise("whoever checks its health keeps clients away until it is ready"),
            Err(error) => Finding::fail("health", address, format!("grpc.health.v1: {error}"))
                .advise("probes and stock clients need it: is this a balancer's port?"),
        });
        findings.push(match &seen.list {
            Ok(ListAnswer::List(service, entries)) => {
                let message = format!("grpc.lb.v1 answers with a list of {entries} for {service}");
                Finding::ok("lists", address, message)
            }
            Ok(ListAnswer::Fallback(service)) => {
                let message = format!("grpc.lb.v1 answers, with fallback for {service}");
                Finding::ok("lists", address, message)
            }
            Ok(ListAnswer::Refused) => {
                let message = "grpc.lb.v1 answers; there is no service to ask it for";
                Finding::ok("lists", address, message)
            }
            Err(error) => Finding::fail("lists", address, format!("grpc.lb.v1: {error}"))
                .advise("clients get no list here; RESOURCE_EXHAUSTED: look at [limits]"),
        });
    }
    findings
}

/// Whether operators reach admin ports.
pub(super) fn admins(facts: &Facts) -> Vec<Finding> {
    if facts.admins.is_empty() {
        let text = "no admin port was named: --admin HOST:PORT";
        return vec![Finding::skip("admin port", text)];
    }
    facts.admins.iter().map(admin).collect()
}

fn admin(it: &AdminFacts) -> Finding {
    let at = &it.address;
    match &it.control {
        ControlAnswer::Answers(overrides) => {
            let message = format!("takes orders from here; overrides in force: {overrides}");
            Finding::ok("admin port", at, message)
        }
        ControlAnswer::Denied(why) => {
            let message = format!("is there and takes no orders from here: {why}");
            Finding::ok("admin port", at, message).advise(
                "if it should: ask from its own machine, or show a certificate (--cert, \
                 --key) that a rule in [access] allows",
            )
        }
        ControlAnswer::Absent => Finding::fail("admin port", at, "is a client port")
            .advise("give the address of `serve --admin`"),
        ControlAnswer::Failed(error) => Finding::warn("admin port", at, error).advise(
            "fine if it is bound to its own machine only, as by default; else look at \
             the address and what is between",
        ),
    }
}
